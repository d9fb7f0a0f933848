internal import CNghttp2

/// The library's callbacks on the server's side: recover the inbox, copy what C lends, return.
@safe enum ServerCallbacks {
  /// Read-only once made; the library copies the table into each session.
  nonisolated(unsafe) static let table: OpaquePointer? = unsafe make()

  private static func make() -> OpaquePointer? {
    var table: OpaquePointer?
    guard unsafe nghttp2_session_callbacks_new(&table) == 0, let table = unsafe table else {
      return nil
    }
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(table) { session, head, user in
      guard let session = unsafe session, let head = unsafe head else { return 0 }
      unsafe inbox(user).value.beganFrame(head.pointee, Library(session: session))
      return 0
    }
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table) { session, frame, user in
      guard let session = unsafe session, let frame = unsafe frame else { return 0 }
      let isRequest = unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
      let isTaken = unsafe inbox(user).value.beganHeaders(
        frame.pointee.hd.stream_id, isRequest: isRequest, Library(session: session))
      return isTaken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    unsafe nghttp2_session_callbacks_set_on_header_callback(table) {
      _, _, name, nameCount, value, valueCount, _, user in
      let isStored = unsafe inbox(user).value.receivedHeader(
        UnsafeBufferPointer(start: name, count: nameCount),
        UnsafeBufferPointer(start: value, count: valueCount))
      return isStored ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table) { session, frame, user in
      guard let session = unsafe session, let frame = unsafe frame else { return 0 }
      unsafe inbox(user).value.received(frame.pointee.hd, Library(session: session))
      return 0
    }
    unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) {
      _, frame, _, user in
      guard let frame = unsafe frame else { return 0 }
      unsafe inbox(user).value.refused(frame.pointee.hd)
      return 0
    }
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
      session, flags, streamID, bytes, count, user in
      guard let session = unsafe session else { return 0 }
      unsafe inbox(user).value.receivedData(
        UnsafeBufferPointer(start: bytes, count: count), on: streamID,
        isLast: flags & FrameHead.Flag.endStream != 0, Library(session: session))
      return 0
    }
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) {
      session, streamID, errorCode, user in
      guard let session = unsafe session else { return 0 }
      unsafe inbox(user).value.closed(
        streamID, errorCode: errorCode, Library(session: session))
      return 0
    }
    return unsafe table
  }

  /// Gives the library the next part of an answer; `source` is the request.
  static let readAnswer: nghttp2_data_source_read_callback = {
    session, _, buffer, max, flags, source, user in
    guard let session = unsafe session, let buffer = unsafe buffer, let flags = unsafe flags,
      let pointer = unsafe source?.pointee.ptr
    else { return ssize_t(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
    let request = unsafe Box<RequestState>(at: pointer)
    var isLast = false
    let count = unsafe inbox(user).value.readAnswer(
      of: request, into: buffer, max: max, isLast: &isLast, Library(session: session))
    guard let count else { return ssize_t(NGHTTP2_ERR_DEFERRED.rawValue) }
    if isLast { unsafe flags.pointee = NGHTTP2_DATA_FLAG_EOF.rawValue }
    return count
  }
}

/// The session that makes these calls keeps its inbox alive.
private func inbox(_ user: UnsafeMutableRawPointer?) -> Box<ServerInbox> {
  unsafe Box(at: user!)
}
