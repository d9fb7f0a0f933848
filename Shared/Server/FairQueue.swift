/// What waits in one turn of a loop: the urgent first, and among equals each owner in its turn, so
/// that one owner's thousand do not stand in front of another's ten.
struct FairQueue<Element> {
  private struct Lane {
    var owners: [ObjectIdentifier] = []
    var waiting: [[Element]] = []
    var starts: [Int] = []
    var turn = 0
  }

  private var lanes = Urgency.allCases.map { _ in Lane() }
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: Element, _ urgency: Urgency, owner: ObjectIdentifier) {
    count += 1
    let lane = urgency.rawValue
    // Few operators share a loop's turn, and requests come in runs of one owner.
    if let index = lanes[lane].owners.lastIndex(of: owner) {
      lanes[lane].waiting[index].append(element)
    } else {
      lanes[lane].owners.append(owner)
      lanes[lane].waiting.append([element])
      lanes[lane].starts.append(0)
    }
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    for lane in lanes.indices where !lanes[lane].owners.isEmpty {
      if let element = pop(lane) {
        count -= 1
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
      lanes[lane].starts[index] = start + 1
      lanes[lane].turn = index + 1
      return lanes[lane].waiting[index][start]
    }
    return nil
  }

  /// Nothing waits any more: drops what was served. The arrays stay for the next turn.
  private mutating func removeAll() {
    for lane in lanes.indices {
      lanes[lane].owners.removeAll(keepingCapacity: true)
      lanes[lane].waiting.removeAll(keepingCapacity: true)
      lanes[lane].starts.removeAll(keepingCapacity: true)
      lanes[lane].turn = 0
    }
  }
}
