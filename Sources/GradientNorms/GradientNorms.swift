// GradientNorms
