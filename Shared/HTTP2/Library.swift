internal import CNghttp2

/// One of the library's sessions, borrowed: the calls both sides make, without pointers. The
/// `ServerSession` or `ClientSession` that made the handle frees it; callbacks get it lent.
@safe struct Library {
  let session: OpaquePointer

  init(session: OpaquePointer) {
    unsafe self.session = session
  }

  /// Opens a server's session whose callbacks use `inbox`, which the caller keeps alive.
  init(_ limits: SessionLimits, serving inbox: Box<ServerInbox>) {
    unsafe self.init(limits) { session, option in
      unsafe FrameBuffer.withAllocator(of: inbox) { memory in
        unsafe nghttp2_session_server_new3(
          &session, ServerCallbacks.table, inbox.address, option, memory)
      }
    }
  }

  /// Opens a client's session whose callbacks use `inbox`, which the caller keeps alive.
  init(_ limits: SessionLimits, asking inbox: ClientInbox) {
    unsafe self.init(limits) { session, option in
      unsafe nghttp2_session_client_new2(
        &session, ClientCallbacks.table, Unmanaged.passUnretained(inbox).toOpaque(), option)
    }
  }

  /// Running out of memory here stops the program, as it does everywhere in Swift.
  private init(
    _ limits: SessionLimits, make: (inout OpaquePointer?, OpaquePointer) -> Int32
  ) {
    var made: OpaquePointer?
    var option: OpaquePointer?
    unsafe nghttp2_option_new(&option)
    if let option = unsafe option {
      unsafe Self.set(option, limits)
      _ = unsafe make(&made, option)
      unsafe nghttp2_option_del(option)
    }
    guard let made = unsafe made else { fatalError("out of memory for an HTTP/2 session") }
    unsafe session = made
  }

  private static func set(_ option: OpaquePointer, _ limits: SessionLimits) {
    // Bodies are acknowledged by hand: the connection's window once a `receive`, a stream's window
    // only while more is to come.
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    // Closed streams stay known to the library (no `no_closed_streams`): a frame on one must be
    // STREAM_CLOSED (RFC 9113 §5.1).
    unsafe nghttp2_option_set_max_outbound_ack(option, limits.outboundAcksMax)
    unsafe nghttp2_option_set_max_settings(option, limits.settingsEntriesMax)
    // `FloodGuard` counts these two exactly and says goodbye; the library's own counts are the
    // second fence. Its count of CONTINUATION goes up with every piece in which the nine octets
    // of a frame's head arrive.
    unsafe nghttp2_option_set_max_continuations(option, (limits.continuationsMax + 1) * 9)
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      option, UInt64(limits.resetsBurst * 2), UInt64(limits.resetsPerSecond * 2))
  }

  /// Ends the session. Nothing may be called afterwards.
  func free() {
    unsafe nghttp2_session_del(session)
  }

  /// Frames waiting to be sent, without the DATA of open streams.
  var queuedFrames: Int { unsafe nghttp2_session_get_outbound_queue_size(session) }
  var wantsRead: Bool { unsafe nghttp2_session_want_read(session) != 0 }
  var wantsWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }

  /// Whether new requests may be submitted: no GOAWAY either way.
  var canSubmit: Bool { unsafe nghttp2_session_check_request_allowed(session) != 0 }

  /// The peer's SETTINGS_MAX_CONCURRENT_STREAMS.
  var peerStreamsMax: Int {
    Int(
      unsafe nghttp2_session_get_remote_settings(
        session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
  }

  func hasStream(_ streamID: Int32) -> Bool {
    unsafe nghttp2_session_find_stream(session, streamID) != nil
  }

  /// Whether this side has ended the stream.
  func hasSentEnd(_ streamID: Int32) -> Bool {
    unsafe nghttp2_session_get_stream_local_close(session, streamID) == 1
  }

  /// Whether the peer has ended the stream.
  func hasReceivedEnd(_ streamID: Int32) -> Bool {
    unsafe nghttp2_session_get_stream_remote_close(session, streamID) == 1
  }

  /// Remembers what belongs to a stream. The caller keeps it until the stream has closed.
  func setObject(at address: UnsafeMutableRawPointer, of streamID: Int32) {
    unsafe nghttp2_session_set_stream_user_data(session, streamID, address)
  }

  /// What belongs to an open stream.
  func objectAddress(of streamID: Int32) -> UnsafeMutableRawPointer? {
    unsafe nghttp2_session_get_stream_user_data(session, streamID)
  }

  /// The object of an open stream of a client.
  func response(of streamID: Int32) -> Response? {
    guard let pointer = unsafe objectAddress(of: streamID) else { return nil }
    // Only `ClientSession.submit` puts pointers there.
    return unsafe Unmanaged<Response>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Gives received bytes to the library, which makes its callbacks. Returns a negative error.
  func receive(_ bytes: Span<UInt8>) -> Int {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe nghttp2_session_mem_recv(session, buffer.baseAddress, buffer.count)
    }
  }

  /// Appends the next frame. Returns its size, zero when there is none, or a negative error.
  func send(into output: inout [UInt8]) -> Int {
    // The library's buffer is valid until the next call, hence the copy.
    var frame: UnsafePointer<UInt8>?
    let count = unsafe nghttp2_session_mem_send(session, &frame)
    if count > 0 {
      unsafe output.append(contentsOf: UnsafeBufferPointer(start: frame, count: count))
    }
    return count
  }

  /// Gives bytes back to the connection's window.
  func consumeConnection(_ byteCount: Int) {
    _ = unsafe nghttp2_session_consume_connection(session, byteCount)
  }

  /// Gives bytes back to a stream's window.
  func consumeStream(_ streamID: Int32, _ byteCount: Int) {
    _ = unsafe nghttp2_session_consume_stream(session, streamID, byteCount)
  }

  /// Queues GOAWAY and stops listening. `lastStreamID` may be newer than the library's last.
  func terminate(_ code: UInt32, atLeast lastStreamID: Int32 = 0) {
    let last = max(unsafe nghttp2_session_get_last_proc_stream_id(session), lastStreamID)
    _ = unsafe nghttp2_session_terminate_session2(session, last, code)
  }

  /// What the peer's windows leave for DATA: the connection's.
  var peerConnectionWindow: Int { Int(unsafe nghttp2_session_get_remote_window_size(session)) }

  /// With how much each stream's window begins.
  var peerInitialWindow: Int {
    Int(
      unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE))
  }

  /// What the peer's decoder of header blocks remembers at most.
  var peerTableBytes: Int {
    Int(
      unsafe nghttp2_session_get_remote_settings(
        session, NGHTTP2_SETTINGS_HEADER_TABLE_SIZE))
  }

  /// Goes on with a stream whose data source had to wait.
  func resume(_ streamID: Int32) {
    _ = unsafe nghttp2_session_resume_data(session, streamID)
  }

  func reset(_ streamID: Int32, code: UInt32) {
    _ = unsafe nghttp2_submit_rst_stream(session, 0, streamID, code)
  }

  func ping() {
    _ = unsafe nghttp2_submit_ping(session, 0, nil)
  }

  /// The first GOAWAY of a graceful end; a server's only.
  func notice() {
    _ = unsafe nghttp2_submit_shutdown_notice(session)
  }

  /// The last GOAWAY of a graceful end.
  func goAway(atLeast lastStreamID: Int32 = 0) {
    let last = max(unsafe nghttp2_session_get_last_proc_stream_id(session), lastStreamID)
    _ = unsafe nghttp2_submit_goaway(session, 0, last, ErrorCode.noError, nil, 0)
  }

  /// Announces SETTINGS_MAX_CONCURRENT_STREAMS alone. The library resets every stream beyond it at
  /// once, also those that left before the peer could know: it is told what is enforced, and
  /// `ServerSession` writes what is allowed into the frame on its way out.
  func allowStreams(_ count: Int) {
    var entry = nghttp2_settings_entry(
      settings_id: Int32(bitPattern: NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
      value: UInt32(clamping: count))
    _ = unsafe nghttp2_submit_settings(session, 0, &entry, 1)
  }

  /// Announces this side's limits. The first call also sends the preface.
  func announce(_ limits: SessionLimits, isServer: Bool) {
    var entries: [nghttp2_settings_entry] = []
    func add(_ id: nghttp2_settings_id, _ value: Int) {
      entries.append(
        nghttp2_settings_entry(
          settings_id: Int32(bitPattern: id.rawValue), value: UInt32(clamping: value)))
    }
    if isServer {
      add(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsMax)
      // The priority tree of RFC 7540 is work without use here (RFC 9218 §2.1). With this the
      // library does not look at PRIORITY any more: `FloodGuard` refuses the wrong ones.
      add(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1)
    } else {
      add(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)
    }
    add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes)
    add(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerListBytesMax)
    if limits.headerTableBytes != 4_096 {
      add(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.headerTableBytes)
    }
    var code = unsafe nghttp2_submit_settings(session, 0, entries, entries.count)
    if code == 0 {
      let window = Int32(clamping: limits.connectionWindowBytes)
      code = unsafe nghttp2_session_set_local_window_size(session, 0, 0, window)
    }
    precondition(code == 0, "limits that HTTP/2 cannot announce")
  }
}
