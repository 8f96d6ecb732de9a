import RankTesting
import Testing

extension MPITests {
  /// Messages from rank to rank, and communicators that C code owns.
  struct Messages {
    static let names = [
      "send and receive", "send and receive one value", "receive from any source",
      "receive any tag", "tags choose the message", "messages keep their order", "empty messages",
      "a message that is too long", "a message of another type", "send and receive in a ring",
      "receive a message of any length", "probe", "probe without waiting",
      "messages of a duplicate", "started send and receive", "started messages in another order",
      "a started receive that was tested", "a started receive of any source and tag",
      "a started receive that is too short", "a started receive of another type",
      "a borrowed communicator is not freed", "a duplicated communicator is freed",
      "a borrowed communicator's errors", "parts of a borrowed communicator",
      "the raw communicator in C", "what cannot be adopted",
    ]

    @Test(arguments: names, [1, 2, 3, 4, 5])
    func `Messages arrive as they were sent`(name: String, ranks: Int) throws {
      try RankCases.quick(ranks).expectGood(name)
    }
  }
}
