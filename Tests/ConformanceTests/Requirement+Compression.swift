import RawHTTP2

extension Requirement {
  /// Header blocks that HPACK (RFC 7541) does not allow; each ends the connection.
  static let compression = [
    undecodable("hpack/2.3.3/1", "2.3.3", "A field index beyond both tables") { block, _ in
      block + HPACK.indexed(126)
    },
    undecodable("hpack/2.3.3/2", "2.3.3", "A name index beyond both tables") { block, _ in
      block + HPACK.literal(nameIndex: 126, "empty", .incremental)
    },
    undecodable("hpack/4.2/1", "4.2", "A table size update at the end of a block") { block, _ in
      block + HPACK.tableSizeUpdate(1)
    },
    undecodable("hpack/5.2/1", "5.2", "Huffman padding longer than 7 bits") { block, _ in
      block + huffmanValue(Huffman.encode(Array("test".utf8)) + [0xff])
    },
    undecodable("hpack/5.2/2", "5.2", "Huffman padding with zeros") { block, _ in
      block + huffmanValue(Huffman.encode(symbols: "test".utf8.map(Int.init), paddingBit: 0))
    },
    undecodable("hpack/5.2/3", "5.2", "A Huffman string that contains EOS") { block, _ in
      block + huffmanValue(Huffman.encode(symbols: [0x74, Huffman.endOfString, 0x74]))
    },
    undecodable("hpack/6.1/1", "6.1", "A field index of 0") { block, _ in
      block + HPACK.indexed(0)
    },
    undecodable(
      "hpack/6.3/1", "6.3", "A table size above SETTINGS_HEADER_TABLE_SIZE"
    ) { block, connection in
      let byteCountMax = connection.peerSettings[Setting.headerTableSizeID] ?? 4_096
      return HPACK.tableSizeUpdate(Int(byteCountMax) + 1) + block
    },
  ]

  private static func huffmanValue(_ coded: [UInt8]) -> [UInt8] {
    [HPACK.Indexing.without.rawValue] + HPACK.string("x-coded") + HPACK.huffmanString(coded)
  }

  private static func undecodable(
    _ id: String, _ section: String, _ what: String,
    _ block: @escaping @Sendable ([UInt8], RawConnection) -> [UInt8]
  ) -> Requirement {
    Requirement(id, "RFC 7541 §\(section)", "\(what) is COMPRESSION_ERROR.") { connection in
      connection.send(.headers(1, block(connection.block(), connection)))
      try connection.expectConnectionError(.compressionError)
    }
  }
}
