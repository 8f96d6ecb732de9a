import Foundation
import Launching
import Testing

struct HostfileTests {
  @Test func namesSlotsAndCommentsAreRead() throws {
    let file = try Hostfile(
      path: "h",
      text:
        "# cluster\nnode-1.example.org slots=4 max_slots=8 # fast\n\n  node_2 slots = 2\r\nnode3\n")
    #expect(file.hosts.map(\.name) == ["node-1.example.org", "node_2", "node3"])
    #expect(file.hosts.map(\.slots) == [4, 2, nil])
    #expect(file.slots == nil)
    #expect(try Hostfile(path: "h", text: "a slots=1\na slots=2").slots == 3)
  }

  @Test(arguments: [
    ("a\n-oProxyCommand=x", "h:2: not a host name: "), ("a;rm", "h:1: not a host name: "),
    ("$(x)", "h:1: not a host name: "),
    ("user@", "h:1: not a host name: "), ("-l@a", "h:1: not a host name: "),
    ("a@b@c", "h:1: not a host name: "), ("nöde", "h:1: not a host name: "),
    ("a slot=2", "h:1: unknown key \"slot\""),
    ("a slots=0", "h:1: slots needs a number"), ("a slots", "h:1: slots needs a number"),
    ("a slots=99999999999999999999", "h:1: slots needs"),
    ("# nothing\n", "h: names no host"), ("", "h: names no host"),
    ("a \u{1B}[2J=2", "h:1: unknown key \"2J\""),
  ]) func eachMistakeIsNamed(text: String, start: String) {
    #expect { _ = try Hostfile(path: "h", text: text) } throws: {
      "\($0)".hasPrefix(start) && !"\($0)".contains("\n")
    }
  }

  @Test func aListOfHostsIsRead() throws {
    let hosts = try Hostfile(list: "node1:2,node-2.example:16,node3")
    #expect(
      hosts.hosts.map(\.name) == ["node1", "node-2.example", "node3"] && hosts.slots == 19
        && hosts.path == nil)
    for wrong in ["", "a,", "a:0", "a:x", "a:2,a:2", "-oProxyCommand=x:2", "a:2:3", "a b"] {
      #expect(throws: LaunchError.self) { try Hostfile(list: wrong) }
    }
  }

  // D6: mpirun accepts neither lines that end in CR LF nor users in a list, so the coordinator
  // writes a file for it.
  @Test func carriageReturnsAndUsersAreRead() throws {
    let file = try Hostfile(
      path: "h", text: "node1 slots=2\r\nada@node2 slots=3 max_slots=4\r\nnode3\r\n")
    #expect(
      file.hosts.map(\.address) == ["node1", "ada@node2", "node3"]
        && file.hosts.map(\.name) == ["node1", "node2", "node3"])
    #expect(file.ownText == "node1 slots=2\nada@node2 slots=3 max_slots=4\nnode3\n")
    #expect(
      try Hostfile(path: "h", text: "ada@node2 slots=3\n").ownText == nil,
      "mpirun reads it as it is")
    let list = try Hostfile(list: "node1:2,ada@node2")
    #expect(
      list.ownText == "node1 slots=2\nada@node2 slots=1\n" && list.written(to: "/f").path == "/f")
    #expect(try Hostfile(list: "node1:2").ownText == nil)
  }

  @Test func theExampleIsAValidHostfile() throws {
    let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(
      contentsOf: top.appending(path: "Launch/hostfiles/two-nodes"), encoding: .utf8)
    #expect(try Hostfile(path: "two-nodes", text: text).slots == 8)
  }
}
