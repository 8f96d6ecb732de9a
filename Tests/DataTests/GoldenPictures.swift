/// Pictures of 7 × 6 pixels in every form of PNG, in base 64, and their bytes as Pillow 13 and NumPy
/// make them of those: grey, and the planes of red, green and blue.
struct GoldenPicture: Sendable {
  let name: String
  let png: String
  let gray: String
  let colors: String

  init(_ name: String, _ png: String, _ gray: String, _ colors: String) {
    (self.name, self.png, self.gray, self.colors) = (name, png, gray, colors)
  }

  static let all: [GoldenPicture] = [
    GoldenPicture(
      "gray 1",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAQAAAAAndbnbAAAAFElEQVR42mP4x8jD5Mb8miWLJQsAE88DHrvOaNcAAA\
      AASUVORK5CYII=
      """,
      "/////////wAAAAD//wAA/wD/AAD/AAAA/wD/AAD///////////8A/wAA",
      """
      /////////wAAAAD//wAA/wD/AAD/AAAA/wD/AAD///////////8A/wAA/////////wAAAAD//wAA/wD/AAD/AAAA/w\
      D/AAD///////////8A/wAA/////////wAAAAD//wAA/wD/AAD/AAAA/wD/AAD///////////8A/wAA
      """),
    GoldenPicture(
      "gray 2",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAgAAAABg1cMLAAAAGklEQVR42mM4x8LIXch0+wbz3m8sM+tZJE0AOJcGKE\
      lg+34AAAAASUVORK5CYII=
      """,
      "/wD/qgAAVQAAqv9V////qlWqVVVVAP8AAAD/qv8AqlVVAKr/qgCqVf//",
      """
      /wD/qgAAVQAAqv9V////qlWqVVVVAP8AAAD/qv8AqlVVAKr/qgCqVf///wD/qgAAVQAAqv9V////qlWqVVVVAP8AAA\
      D/qv8AqlVVAKr/qgCqVf///wD/qgAAVQAAqv9V////qlWqVVVVAP8AAAD/qv8AqlVVAKr/qgCqVf//
      """),
    GoldenPicture(
      "gray 4",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGBAAAAADvlTarAAAAJ0lEQVR42mPQ+LuLgXF7TMVXpmeT5CYw7xE69Z4l+a\
      cPL4sWA6cDAMBRC0Nh7bFHAAAAAElFTkSuQmCC
      """,
      "Ioj/3buqALt3ETOIu4iZ3apVqpkRAKpmmVUzImbdZmaZ/2aZd5l3qoiq",
      """
      Ioj/3buqALt3ETOIu4iZ3apVqpkRAKpmmVUzImbdZmaZ/2aZd5l3qoiqIoj/3buqALt3ETOIu4iZ3apVqpkRAKpmmV\
      UzImbdZmaZ/2aZd5l3qoiqIoj/3buqALt3ETOIu4iZ3apVqpkRAKpmmVUzImbdZmaZ/2aZd5l3qoiq
      """),
    GoldenPicture(
      "gray 8",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAAO0lEQVR42gEwAM//APQmj3BbPQ0BZ2xFT5D8RAKa2O\
      vliOzgA6ne3KItoKgE8l9tnLbeFQSWJS2tT3+eIowXGMggkGwAAAAASUVORK5CYII=
      """,
      "9CaPcFs9DWfTGGf38zcBqwNMf98XqYgh2Nh78Zvn9ZFHJZAxwO0+jQwu",
      """
      9CaPcFs9DWfTGGf38zcBqwNMf98XqYgh2Nh78Zvn9ZFHJZAxwO0+jQwu9CaPcFs9DWfTGGf38zcBqwNMf98XqYgh2N\
      h78Zvn9ZFHJZAxwO0+jQwu9CaPcFs9DWfTGGf38zcBqwNMf98XqYgh2Nh78Zvn9ZFHJZAxwO0+jQwu
      """),
    GoldenPicture(
      "gray 16",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGEAAAAAB69QfpAAAAZUlEQVR42gFaAKX/BGCOgsMW4KwN8R/8en6tAzANWm\
      lwvrBi2NNPDKctApjX5ZQoFUEihZ7WknFqAVJ5IORO+U7E+Fmy+KfcAM3BB8XoPh91anL3lxvGBNuis/OFYfWbHNl3\
      3MSBpGst1eDDLSkAAAAASUVORK5CYII=
      """,
      "YOH3pJWRD2D7aTY9tgr335F3wox6UnLADga4X80I5x9q9xyoum0Uhm/f",
      """
      YOH3pJWRD2D7aTY9tgr335F3wox6UnLADga4X80I5x9q9xyoum0Uhm/fYOH3pJWRD2D7aTY9tgr335F3wox6UnLADg\
      a4X80I5x9q9xyoum0Uhm/fYOH3pJWRD2D7aTY9tgr335F3wox6UnLADga4X80I5x9q9xyoum0Uhm/f
      """),
    GoldenPicture(
      "palette 1",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAQMAAAA1wBY1AAAABlBMVEWuWA6XR69vwPOmAAAAFElEQVR42mPYx3iCyY\
      j5J8s/ljkAGVMEWrGHPW8AAAAASUVORK5CYII=
      """,
      "a2lra2tra2traWlraWlra2tra2lraWtra2lra2lra2tpa2lpaWlraWlp",
      """
      l66Xl5eXl5eXrq6Xrq6Xl5eXl66XrpeXl66Xl66Xl5eul66urq6Xrq6uR1hHR0dHR0dHWFhHWFhHR0dHR1hHWEdHR1\
      hHR1hHR0dYR1hYWFhHWFhYrw6vr6+vr6+vDg6vDg6vr6+vrw6vDq+vrw6vrw6vr68Orw4ODg6vDg4O
      """),
    GoldenPicture(
      "palette 2",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGAgMAAAByYGzlAAAADFBMVEVlWE/y3ZL8VyNFFvNhAjA1AAAAG0lEQVR42m\
      MQ1mHc/5JJYQNz4B6WnxtY7jMDADQMBl43CbYyAAAAAElFTkSuQmCC
      """,
      "W9tbPVuCPYI9PT2CgoI92z0929uCPVtbW9tbgoI9gts9PYKC24Jbgj09",
      """
      ZfJlRWX8RfxFRUX8/PxF8kVF8vL8RWVlZfJl/PxF/PJFRfz88vxl/EVFWN1YFlhXFlcWFhZXV1cW3RYW3d1XFlhYWN\
      1YV1cWV90WFldX3VdYVxYWT5JP808j8yPz8/MjIyPzkvPzkpIj809PT5JPIyPzI5Lz8yMjkiNPI/Pz
      """),
    GoldenPicture(
      "palette 4",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGBAMAAAD9IJlFAAAAMFBMVEVMVZ5luzMrDHg2TOrQ15ccv5roeiyYdKhgTi\
      D2wXc8oGmiFy+8D61pAMOz0OW61xz3H9UBAAAAJ0lEQVR42mN4t2ffA8becLl/TJcTNn5g5g9KFGO5fJvnAYv5ll4z\
      ANtODUvaRCA0AAAAAElFTkSuQmCC
      """,
      "yspDVUPKyk42ys5bIluSW87OQ1e5V7nIV1vOyJIiknySW4XOyLk2TnxV",
      """
      s7OivKKzs2Bps9BMK0zoTNDQoja6Nrr2NkzQ9mUrZTxlTJjQ9rppYDy80NAXDxfQ0E4A0NdVDFV6VdfXF0zXTNfBTF\
      XXwbsMu6C7VXTXwdcATqAP5eUvrS/l5SDD5ZeeeJ4snpeXL+oc6hx36p6XdzN4M2kznqiXdxzDIGmt
      """),
    GoldenPicture(
      "palette 8",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAMAAAA40HREAAACWFBMVEVvqDecPDDCk2AKPM139ebaBAyUVtdRJxxNoC\
      DMTVCp3G/MTiHUxMDhfzKVkmKjQ5vLGHSpDaHp0q/NXFMVuFDed+QjKVgGfaapNiqQovHlYSlA4XT+qJgZl2HXIjGp\
      rtSGYE5fqYpLN7U/NVTadZgUWMDFlOBMKhMzw+chgCLYIaMUvOi7RNdOwNV8ntovBW8u4t1gT7V0GKm6EcaI09msVV\
      65EDuE8cHQMEdEv4k2v6PljyDjLw7Mc6QhuGf/ovDK1xbGmmVPpDIv38KXwVK4NHElYFdreQhX2G6KGmP4jAW4xWEI\
      1EDrXWPLIwfC7f4gJVa26dNf60Efbxet/BsdLS2Ik/Ny7cDaMHTqwDfYxCURQnknCBxQY09yuD90ug7w/krjQOqoPw\
      9kvjqDH2wI/IDXHyotkdybe/EvKqvaREKGx0jShLSge4n+ZfHKLt9iLUAiVhyL+vbxPjut+NM1vIFxf4vqygrDUFaZ\
      +xCDPOl32uEZwsrU/MLVtUvZs675vFZNUyoUwcgqZOvWmPhU2O+XJ0uDRxcr92GTcM0ZSJXNdrPNpNHzN245agCxPN\
      W4VXSrajULjYjEIRC8uswDp/XDd3loDriJhe679RXzkGaOCe6hCulzHqERjMISypdSOAIySOCDMr501cDutRuNbM4n\
      d9OeCdFdraekamcZjkplKr7sYWx3EsHhgA9WKNPMYWDYFsn2csG25Qi0Y9vcSZR+jtSqwa1AlWFrHC5XSqJKP26R/4\
      JaUnLtXz+UxvJH49pgVURR4k9+768hEjndOlCKfhMy/ms4mwZTAAAAO0lEQVR42gEwAM//ADelXaUfXqIBme7USaY5\
      6gKjoQ+bHQozA3wFo/9N6BgEyPcl3Ips0ATPF1DM/65J8ZEVrxC6VckAAAAASUVORK5CYII=
      """,
      "y4FbgbGVWspTOrSdYohhnHHHfHU6qVdvl2a+tlm9rMjAqXNgpcOGtke+",
      """
      hI1Qjalyg7uDEe74KqDjM9r/LfNS89fM2gvqdKjqLtT+K/FgV/kIuLnZ8WxjbK64MvVHQrWMZHsvw0SikTc4kB9OdY\
      3K1T/A4sSo9z5P2LzUxRCzwc5PztQ/vhUXeRsF64kO50Lw3G4CZiohmIgKwA833cCYYTu1blZAYTuu
      """),
    GoldenPicture(
      "rgb 8",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAIAAACAbBMhAAAABGdBTUEAAHUw/7TdUgAAAAN0RVh0YQBi3EmiOwAAAI\
      9JREFUeNoBhAB7/wHjQkqW7jxpcaRScswkN+X28WYX1mMEibZ79r0JUHOd2T/VkA6xAKIH5Kz6A5dIAylSv74mqU/J\
      pXfr5gazTvO5MgJWmMcxOoW/9yCTHekZ0BdpyH72B1cE4+mX2T1SqRsfZTUEEN0yUJlzDUiqAKtUDAap+5lbxfI2Gv\
      QL4iQdRlBUCIisPKJ3ZvwnAAAAAElFTkSuQmCC
      """,
      "c1CnN19BO8ifKkuBzZ28TFE6JVdSRYxrKKpGQEGOg6ayg6dmgnpraSRK",
      """
      43niNFhOZWxiMgvExKjNwDdwEXB/I/H2AyrZdQbKc2h4KTarBpny9CRQQjChE0o7Efi1KFJg7JjEDkESJDsiXEg4L/\
      QDKUWCndLRnORUqVs2Cx1USoYq9ttBpMXOI8t8SJ5lWOZ9YqPSLN0GZnkhKcMvJWqr7JYM+8Ua4kYI
      """),
    GoldenPicture(
      "gray alpha 8",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAQAAAClB0z9AAAAZUlEQVR42gFaAKX/AdrU1BZCE3CfYw4HA5nkBFgfs6\
      jUugEugGgitd8gA4Dy+lY1Km20Wub1uzfGAqziQJmbLOzx5dNNjdOrBOoaYo68V+73Ij6iqP7VAMs2OkTC8MFEt7Ns\
      IVDQjZEtUAfSqLUAAAAASUVORK5CYII=
      """,
      "2q7wYMPKYzLlxGFDZUKZufMXh2uNRfmOA2y4YC9bF/ETDgzLOsLBt2xQ",
      """
      2q7wYMPKYzLlxGFDZUKZufMXh2uNRfmOA2y4YC9bF/ETDgzLOsLBt2xQ2q7wYMPKYzLlxGFDZUKZufMXh2uNRfmOA2\
      y4YC9bF/ETDgzLOsLBt2xQ2q7wYMPKYzLlxGFDZUKZufMXh2uNRfmOA2y4YC9bF/ETDgzLOsLBt2xQ
      """),
    GoldenPicture(
      "rgba 8",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAYAAAAPDoR2AAAAPklEQVR42gGuAFH/AYQe6oTV66gIzc/viQtuPq6hVS\
      mNwwV2JB88jdYEM6MFHq/8mb5X4f+dpx2eQ4FbcLDnPokFQ2zUaUUAAAA+SURBVKfxBAOyfPMhQX1P5ROSdLhHCrUN\
      PnNsBv0UgiRrrgSrAga2Iw8lysvRWM/9QTOIKuUjiKdmf6eoRJqZnBkEOHSHMQAAAD1JREFUfTA0kdIwvL6TliikU3\
      +gQJo9xoecHbsTDmoAlgCSlIalyFKdkq/Aw5YSzfeMcDJ1lcZ9LiqInuHRVXtRG0mimk4AAAAASUVORK5CYII=
      """,
      "VDGZTrSV0sODl0i6SmiRWUpcVk3haz/ewKfLerNNhOc6HWGSfruaTIqf",
      """
      hFkmMdKVtLczfSRTOn0NYYKatHTjE4bazdfzfZBibcBnAxGSyK8ScMaIHgnYRpug3MG9uWP2NEfcSRNFEDbskhPizZ\
      jdhcJDePcKJ5GUUsDNMn2e6pKBv+he6+8rKh+P59xqmdUvy1ufjWTSWXIDO8FJ+vm/LTuGncP3dS7h
      """),
    GoldenPicture(
      "rgb 16",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGEAIAAADQ/M9iAAAABGdBTUEAAHUw/7TdUgAAAAN0RVh0YQBi3EmiOwAAAQ\
      1JREFUeNoBAgH9/gGURSKV02b3PLVB6GzGhpBWrrH0Gl7W9sptT8WqCVH9WKIEJ4h2yu+1RT8EPRyKHBkcysNCGI99\
      7tmfh8onW64UrwKbN3oqh91tnycp5qfYDLUo3aQ1AxdhlZV7+oSMR3OCkwA9vCTOGiXM7IQrBcMhy+1OtKO6fzeo4m\
      x4TMta0wJBnuXZLI1fzQWGFxIncGQFz0i66W02vcJl0xvud0JXWpNjQB8TvEMhv9QEvV1akWLws9oIvsnt1f3bVBN/\
      P1/vX6azvcSEAhiQ4Mn0b/xcQIIJzN+wAAiuQlxUw86gwVPFsUF+NvRnkG1vwUbdnmgcNx3jGolY6wZjzE9+D228aC\
      qafahjdJzCAAAAAElFTkSuQmCC
      """,
      "WL1hk5JfM75JhLOwb2bLgHGVe5nWt6KyI5l6Zk0wa6J7aW0zxT+rWb42",
      """
      lItRRbKvJdGbQJroiDF/EiiGeiSWv3BPQN57qX0j+DecW7sJzkFtaIlPItdnxIotG6wauNmzVX3ryXyVcOD60M7gA4\
      t0PioyDfJ3aEhCwTfBN+oP07tpX2iP1OxiLC8LsnjwLPm+slrCHkPHeymagn9J2yE6lmFUxWfd4mO8
      """),
    GoldenPicture(
      "gray alpha 16",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGEAQAAAD1l5C+AAAAuUlEQVR42gGuAFH/AX7cQMz0f+Prhk1NYVQxKiN/lV\
      VH4xs2172JkQQEVPw57Aiw4QBfmono5le5BWvGMXrywcfj0nMzhQNM59tcCpo4KXgsSq7MYTdX037XVxTqsxs1y7av\
      AsiKetcbzyGTylegQ4MxtEV17cKqRbVjuLyTF/EEbn8/iHJimSZMuDhJRlgckjr4GahqxkViu+ZL2ABNQ/FZf2LyG6\
      xEX3RmbPCxqHVn6L+aX/A3q8Gx/UdV9tZcq3EAAAAASUVORK5CYII=
      """,
      "fnL4Tcuua9LZWDI2Kfq10QzrY1nefezWbtiemupeqrMSfDdNf6xmqL83",
      """
      fnL4Tcuua9LZWDI2Kfq10QzrY1nefezWbtiemupeqrMSfDdNf6xmqL83fnL4Tcuua9LZWDI2Kfq10QzrY1nefezWbt\
      iemupeqrMSfDdNf6xmqL83fnL4Tcuua9LZWDI2Kfq10QzrY1nefezWbtiemupeqrMSfDdNf6xmqL83
      """),
    GoldenPicture(
      "rgba 16",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGEAYAAABfnlg1AAAAdklEQVR42gFWAan+ARXCeKFpYnK9IbrqN7Yv/A+GF8\
      HzBwSh1Bl3njrlm4HjovPr/FSUPeIK2Y7nIeZuc//ADT3uQRL2BHAoShtHze0N+v6Q5OZWQxgMrAwH8rOtcijl8XIC\
      VjFo11WfZx5N1VBaSc7RPbIsqULUi9AylozwuwAAAHZJREFUutlfA2dl+MaDvm2mLMdCky63iAJ29lF/rbfzIfReRZ\
      MkEMk8S3yfWmBJyXaAvdkC2Jv8++YK0hFHY7n7AtG1mhPvjW7MDFzuaR5NcnYN9v/uGgNBggegW7Kg185LqcjJHfKq\
      WYr2rRabJZbqd2Qiu12BtxVwBLMV6R0AAAB1SURBVAdwFK9vxeNzLjtog68iRylPCQKNmrjO+ALW61x0J/TbRf7cys\
      26rdiLGDINr7Yem35BskoYDwUSAP3MBoIcBCBMrbWiGjSBGbZDFifgt1DnHm2qVeCF+FU/LnIWJ6a2y8KFF60nHcGM\
      EKwRni8GUhmyS9GlC7sZsLUAAAAASUVORK5CYII=
      """,
      "WU1SsZNYXK5fX7lSTbiAqIDFdLR+yqWHeTcsgjKmsV2+bjxSmEBiLpCR",
      """
      Fja81HiBgIV/yP1OqOqpwDqPuTBzesxHlmIm14H5lpin7Gv9rUNtLoWreGIkwKs7R8JSMLJMCZNZlrT3Qf2a8oWzVA\
      kTVQhvtT7lGAcGoShWFqyeaR8mC1+Abq9PQSh9ve/bwy9PxpkMyuFJ7re+jDno42Mx39YcNLeFph4G
      """),
    GoldenPicture(
      "pillow rgb",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAIAAACAbBMhAAAAj0lEQVR42gGEAHv/APxCO5W7877R6qSahDQDH+ROES\
      MhYACxzs/1yUNzpS2vCTnZUfrWPuvd+2cDkOj0k9CzPfG6gP0xLDvCGoIjIWMmAUfe8CmjLqix7U7Lqi69WBPIENoo\
      UgSlFWwGvQE29EbCsiBQ8OnWXZ2dVtYB0WoDnUj6w517TKruDEeo2y0eRefiUZZCJBG7Dw4AAAAASUVORK5CYII=
      """,
      "ebbOmhV0KcXHiECNf+F+XZFGkuGTs3EmyJuCl+BwUZ6+yzR9pkvDUGNl",
      """
      /JW+pDTkI7H1c6/Z1t3ogbczst7+R3AYZpSngezypmjkuh7RbjF9iWSpQrvRmgNOIc7JpQlRPvtPXHE6gOFR3oEy/b\
      qCqvM+Jq+f3zVqsk/5QG1UO/PqhB8RYM9DLTn662dbAtG2muXM8B4LtQ0db1wfUdX2k2kD/XhmDiwO
      """),
  ]

  /// Files that are refused, and a part of the message.
  static let refused: [(name: String, png: String, message: String)] = [
    (
      "interlaced",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAFdYus8AAAAO0lEQVR42gEwAM//AIlAugTEiroBYYCff0yQzQKLSw\
      Pp8xpPAwhl2flp1XAEFhMdoRj7WATB/ArtLat17jkUpCuMmDwAAAAASUVORK5CYII=
      """,
      "byte 28: is interlaced"
    ),
    (
      "unknown filter",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAAO0lEQVR4nAEwAM//AIlAugTEiroJYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNWF0YrgRz/s0AAAAASUVORK5CYII=
      """,
      "byte 33: row 1 has the unknown filter 9"
    ),
    (
      "too few pixels",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAAOElEQVR4nAEtANL/AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo2DbgXE8mBREcAAAAASUVORK5CYII=
      """,
      "has 45 of 48 bytes of pixels"
    ),
    (
      "too many pixels",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAAP0lEQVR4nAE0AMv/AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNYWJjZL1dGi/poadMAAAAAElFTkSuQmCC
      """,
      "byte 33: the compressed pixels are corrupted (there are more than the header says)"
    ),
    (
      "no palette",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAMAAAA40HREAAAAO0lEQVR4nAEwAM//AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNVvUYpQQNoZ0AAAAASUVORK5CYII=
      """,
      "has no palette"
    ),
    (
      "a colour beyond the palette",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAMAAAA40HREAAAABlBMVEVhYmNkZWZfKyGDAAAAD0lEQVR4nGNghAAG4m\
      hOAAQoADNdVC60AAAAAElFTkSuQmCC
      """,
      "has a pixel of colour 9, not in its palette"
    ),
    (
      "a critical chunk",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGCAAAAAAqZduqAAAAAUFCQ0R4KrtWxAAAADtJREFUeJwBMADP/wCJQLoExI\
      q6AGHhgP9L26gA7CyD6D719wB+uneo3L1KAJTNlEnAuKIAVZCaNu2YDVb1GKUEDaGdAAAAAElFTkSuQmCC
      """,
      "byte 33: has a chunk that is needed and not known"
    ),
    (
      "depth",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAcAAAAGBAIAAABFnP4gAAAAO0lEQVR4nAEwAM//AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNVvUYpQQNoZ0AAAAASUVORK5CYII=
      """,
      "byte 24: declares 4 bits of colour type 2"
    ),
    (
      "huge",
      """
      iVBORw0KGgoAAAANSUhEUgAQAAAAEAAACAAAAABuQ/8ZAAAAO0lEQVR4nAEwAM//AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNVvUYpQQNoZ0AAAAASUVORK5CYII=
      """,
      "byte 16: declares 1048576×1048576 pixels, which"
    ),
    (
      "larger",
      """
      iVBORw0KGgoAAAANSUhEUgAgAAAAAAABCAAAAADNjSuTAAAAO0lEQVR4nAEwAM//AIlAugTEiroAYeGA/0vbqADsLI\
      PoPvX3AH66d6jcvUoAlM2UScC4ogBVkJo27ZgNVvUYpQQNoZ0AAAAASUVORK5CYII=
      """,
      "byte 16: declares 2097152×1 pixels"
    ),
    (
      "a jpeg",
      "/9j/4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "byte 0: is no PNG picture"
    ),
    (
      "empty",
      "",
      "byte 0: is no PNG picture"
    ),
  ]
}
