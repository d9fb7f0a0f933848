import Support
import Testing

@testable import Server

@Suite struct FairQueueTests {
  private final class Owner {}
  private struct Item: Hashable {
    let urgency: Urgency
    let owner: Int
    let number: Int
  }
  private let owners = (0..<40).map { _ in Owner() }

  private func append(_ item: Item, to queue: inout FairQueue<Item>) {
    queue.append(item, item.urgency, owner: ObjectIdentifier(owners[item.owner]))
  }

  private func drain(_ queue: inout FairQueue<Item>) -> [Item] {
    var items: [Item] = []
    while let first = queue.firstUrgency, let item = queue.popFirst() {
      #expect(item.urgency == first)
      items.append(item)
    }
    return items
  }

  @Test("P-44: the urgent come first, whenever they came")
  func priority() {
    var queue = FairQueue<Item>()
    for (number, urgency) in [Urgency.low, .normal, .high, .low, .normal, .high].enumerated() {
      append(Item(urgency: urgency, owner: 0, number: number), to: &queue)
    }
    #expect(queue.count == 6)
    #expect(drain(&queue).map(\.number) == [2, 5, 1, 4, 0, 3])
    #expect(queue.isEmpty && queue.popFirst() == nil)
  }

  @Test("P-44: of two owners, one with a thousand and one with ten, both are served in turn")
  func fairness() {
    var queue = FairQueue<Item>()
    for number in 0..<1_000 {
      append(Item(urgency: .normal, owner: 0, number: number), to: &queue)
    }
    for number in 0..<10 {
      append(Item(urgency: .normal, owner: 1, number: number), to: &queue)
    }
    let order = drain(&queue)
    #expect(order.count == 1_010)
    #expect(order.prefix(20).filter { $0.owner == 1 }.map(\.number) == Array(0..<10))
    #expect(order.filter { $0.owner == 0 }.map(\.number) == Array(0..<1_000))
  }

  @Test("an owner who comes while others are served gets the next turn")
  func latecomer() {
    var queue = FairQueue<Item>()
    for number in 0..<6 {
      append(Item(urgency: .low, owner: number % 2, number: number), to: &queue)
    }
    for _ in 0..<3 { _ = queue.popFirst() }
    append(Item(urgency: .low, owner: 2, number: 6), to: &queue)
    append(Item(urgency: .high, owner: 2, number: 7), to: &queue)
    let rest = drain(&queue)
    #expect(rest.first?.number == 7)
    #expect(rest.prefix(4).contains { $0.number == 6 })
    #expect(rest.count == 5)
  }

  /// What the queue must do, told without its arrays: items by urgency and owner.
  private struct Model {
    var waiting: [Item] = []
    /// For each owner of a lane that waits: pops of others since its last.
    var skipped: [[Int]: Int] = [:]

    func owners(_ urgency: Urgency) -> Set<Int> {
      Set(waiting.lazy.filter { $0.urgency == urgency }.map(\.owner))
    }

    /// Takes what the queue gave; what is wrong with it, if anything.
    mutating func pop(_ item: Item, ownersEver: Int) -> String? {
      guard let index = waiting.firstIndex(of: item) else { return "\(item) does not wait" }
      if waiting.contains(where: { $0.urgency.rawValue < item.urgency.rawValue }) {
        return "\(item) before a more urgent one"
      }
      let own = waiting.firstIndex { $0.urgency == item.urgency && $0.owner == item.owner }
      guard own == index else { return "\(item) before an older one of its owner" }
      for owner in owners(item.urgency) where owner != item.owner {
        skipped[[item.urgency.rawValue, owner], default: 0] += 1
        if skipped[[item.urgency.rawValue, owner]]! > ownersEver {
          return "\(owner) waits for more than each other's turn"
        }
      }
      skipped[[item.urgency.rawValue, item.owner]] = 0
      waiting.remove(at: index)
      return nil
    }
  }

  @Test("random: nothing lost, nothing twice, the urgent first, each owner within a round")
  func random() {
    var random = SplitMix(of: "fair queue")
    for _ in 0..<60 {
      var queue = FairQueue<Item>()
      var model = Model()
      let ownersMax = 1 + random.below(owners.count)
      var number = 0
      for _ in 0..<400 {
        if random.below(5) < 3 {
          // Few owners have most of the requests.
          let owner = min(random.below(ownersMax), random.below(ownersMax))
          let item = Item(urgency: random.pick(Urgency.allCases), owner: owner, number: number)
          number += 1
          append(item, to: &queue)
          model.waiting.append(item)
        } else if let item = queue.popFirst() {
          if let fault = model.pop(item, ownersEver: ownersMax) { Issue.record("\(fault)") }
        } else {
          #expect(model.waiting.isEmpty)
        }
        #expect(queue.count == model.waiting.count)
      }
      while let item = queue.popFirst() {
        if let fault = model.pop(item, ownersEver: ownersMax) { Issue.record("\(fault)") }
      }
      #expect(model.waiting.isEmpty && queue.isEmpty)
    }
  }

  @Test("does not keep what was served")
  func releases() {
    var queue = FairQueue<Owner>()
    weak var served: Owner?
    do {
      let element = Owner()
      served = element
      queue.append(element, .normal, owner: ObjectIdentifier(owners[0]))
    }
    _ = queue.popFirst()
    #expect(served == nil)
  }

  @Test("keeps little of what was served, also when it never becomes empty")
  func neverEmpty() {
    var queue = FairQueue<Owner>()
    let owner = ObjectIdentifier(owners[0])
    weak var early: Owner?
    do {
      let element = Owner()
      early = element
      queue.append(element, .low, owner: owner)
    }
    for _ in 0..<500 {
      queue.append(Owner(), .low, owner: owner)
      _ = queue.popFirst()
    }
    #expect(queue.count == 1)
    #expect(early == nil)
  }
}
