/// What waits for the end of a loop's turn: the urgent first, and among equals each owner in its
/// turn, so that one owner's thousand do not stand in front of another's ten.
struct FairQueue<Element> {
  private struct Lane {
    var owners: [ObjectIdentifier] = []
    var waiting: [[Element]] = []
    var starts: [Int] = []
    var turn = 0
    var count = 0
  }

  private var lanes = Urgency.allCases.map { _ in Lane() }
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: Element, _ urgency: Urgency, owner: ObjectIdentifier) {
    count += 1
    let lane = urgency.rawValue
    lanes[lane].count += 1
    // Few operators share a loop's turn, and requests come in runs of one owner.
    if let index = lanes[lane].owners.lastIndex(of: owner) {
      lanes[lane].waiting[index].append(element)
    } else {
      lanes[lane].owners.append(owner)
      lanes[lane].waiting.append([element])
      lanes[lane].starts.append(0)
    }
  }

  /// How urgent the first is.
  var firstUrgency: Urgency? {
    guard count > 0 else { return nil }
    return Urgency.allCases.first { lanes[$0.rawValue].count > 0 }
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    for lane in lanes.indices where lanes[lane].count > 0 {
      if let element = pop(lane) {
        count -= 1
        lanes[lane].count -= 1
        if count == 0 { removeAll() }
        return element
      }
    }
    return nil
  }

  private mutating func pop(_ lane: Int) -> Element? {
    let owners = lanes[lane].owners.count
    for step in 0..<owners {
      let index = (lanes[lane].turn + step) % owners
      let start = lanes[lane].starts[index]
      guard start < lanes[lane].waiting[index].count else { continue }
      lanes[lane].turn = index + 1
      let element = lanes[lane].waiting[index][start]
      lanes[lane].starts[index] = forget(start + 1, of: index, in: lane)
      return element
    }
    return nil
  }

  /// Drops the first `served` of an owner once they are most of what is kept: a queue that others
  /// keep waiting may not be empty for long. Returns where the owner's next is.
  private mutating func forget(_ served: Int, of index: Int, in lane: Int) -> Int {
    guard served >= Self.servedKept, served * 2 >= lanes[lane].waiting[index].count else {
      return served
    }
    lanes[lane].waiting[index].removeFirst(served)
    return 0
  }

  private static var servedKept: Int { 64 }

  /// Nothing waits any more: drops what was served. The arrays stay for the next turn.
  private mutating func removeAll() {
    for lane in lanes.indices {
      lanes[lane].owners.removeAll(keepingCapacity: true)
      lanes[lane].waiting.removeAll(keepingCapacity: true)
      lanes[lane].starts.removeAll(keepingCapacity: true)
      lanes[lane].turn = 0
      lanes[lane].count = 0
    }
  }
}
