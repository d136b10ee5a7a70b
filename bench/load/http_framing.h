// DNS over HTTP/2 as a client: nghttp2 between messages and octets.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "transport.h"

namespace resolve64::bench {

/// One HTTP/2 connection. Each message is a POST of its own (RFC 8484 section 4.1).
class HttpFraming {
 public:
  /// The strings must outlive it.
  HttpFraming(const std::string& authority, const std::string& path);
  HttpFraming(const HttpFraming&) = delete;
  HttpFraming& operator=(const HttpFraming&) = delete;
  ~HttpFraming();

  void Submit(std::span<const std::uint8_t> message);
  /// Appends what is to be sent.
  void Pull(std::vector<std::uint8_t>& out);
  /// Takes octets from the server; `receiver` is told of answers on `channel`. False where the
  /// connection is over.
  bool Take(std::span<const std::uint8_t> octets, std::size_t channel, Receiver& receiver);

 private:
  static constexpr std::size_t kEnough = 512;  // octets of a reply that we look at

  struct Exchange {
    std::vector<std::uint8_t> request;
    std::size_t taken = 0;  // octets of it that nghttp2 has
    std::vector<std::uint8_t> reply;
    std::size_t length = 0;  // of all of the reply
    bool ok = false;         // status 200
  };

  static ssize_t ReadBody(nghttp2_session* session, std::int32_t stream, std::uint8_t* out,
                          std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                          void* self);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_length, const std::uint8_t* value,
                      std::size_t value_length, std::uint8_t flags, void* self);
  static int OnData(nghttp2_session* session, std::uint8_t flags, std::int32_t stream,
                    const std::uint8_t* data, std::size_t length, void* self);
  static int OnStreamClose(nghttp2_session* session, std::int32_t stream, std::uint32_t error,
                           void* self);

  nghttp2_session* session_ = nullptr;
  std::vector<nghttp2_nv> headers_;  // the last is content-length
  std::vector<std::unique_ptr<Exchange>> all_;
  std::vector<Exchange*> idle_;
  Receiver* receiver_ = nullptr;  // during Take()
  std::size_t channel_ = 0;
};

}  // namespace resolve64::bench
