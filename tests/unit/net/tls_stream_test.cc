#include "net/tls_stream.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "unit/net/issue.h"
#include "unit/net/tls_peers.h"

namespace resolve64::net {
namespace {

using TlsStreamVersions = TlsVersions;
INSTANTIATE_TEST_SUITE_P(All, TlsStreamVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& value) {
                           return value.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

// Covers: TRA-23
TEST_P(TlsStreamVersions, CarryOctetsBothWays) {
  Connection made(world_.server, Wanted());
  EXPECT_EQ(GetParam(), SSL_version(made.client.ssl()));
  EXPECT_EQ("", made.early);
  EXPECT_FALSE(made.stream->resumed());
  made.client.Write("question");
  EXPECT_EQ("question", ReadAll(*made.stream));
  EXPECT_EQ(EPOLLIN, static_cast<int>(made.stream->waits_for()));
  EXPECT_EQ(6U, WriteText(*made.stream, "answer").octets);
  EXPECT_EQ("answer", made.client.Read());
}

// Covers: TRA-22
TEST_P(TlsStreamVersions, EndSaysSoOnce) {
  Connection made(world_.server, Wanted());
  WriteText(*made.stream, "last");
  made.stream->End();
  made.stream->End();
  int ended_with = 0;
  EXPECT_EQ("last", made.client.Read(&ended_with));
  EXPECT_EQ(SSL_ERROR_ZERO_RETURN, ended_with);
  EXPECT_EQ(SSL_RECEIVED_SHUTDOWN, SSL_get_shutdown(made.client.ssl()) & SSL_RECEIVED_SHUTDOWN);
}

TEST_P(TlsStreamVersions, AnEndIsOneWithAndWithoutCloseNotify) {
  for (const bool polite : {true, false}) {
    Connection made(world_.server, Wanted());
    made.client.Write("last");
    if (polite) {
      SSL_shutdown(made.client.ssl());
    } else {
      ::shutdown(made.pair.client(), SHUT_WR);
    }
    Io::State ended_with{};
    EXPECT_EQ("last", ReadAll(*made.stream, &ended_with));
    EXPECT_EQ(Io::State::kEnd, ended_with) << made.stream->error();
    EXPECT_EQ(Io::State::kDone, WriteText(*made.stream, "reply").state);
    EXPECT_EQ("reply", made.client.Read());
  }
}

TEST_P(TlsStreamVersions, MuchIsWrittenInParts) {
  Connection made(world_.server, Wanted());
  std::string all;
  for (int i = 0; all.size() < 1'000'000; ++i) all += std::to_string(i) + " ";
  std::string received;
  std::size_t sent = 0;
  int waits = 0;
  for (int turn = 0; sent < all.size() && turn < 10'000; ++turn) {
    // The same octets elsewhere: a buffer may have grown and moved.
    const std::string copy = all.substr(sent);
    const Io io = WriteText(*made.stream, copy);
    if (io.state == Io::State::kWait) {
      EXPECT_EQ(EPOLLOUT, static_cast<int>(made.stream->waits_for()));
      ++waits;
      received += made.client.Read();
      continue;
    }
    ASSERT_EQ(Io::State::kDone, io.state) << made.stream->error();
    EXPECT_LE(io.octets, 2 * 16384U) << "one record, and one that waited";
    sent += io.octets;
  }
  received += made.client.Read();
  EXPECT_LT(0, waits);
  EXPECT_EQ(all, received);
}

TEST_P(TlsStreamVersions, ABurstIsReceivedAtOnce) {
  Connection made(world_.server, Wanted());
  for (const char* text : {"one ", "two ", "three"}) made.client.Write(text);
  std::array<std::uint8_t, 100> some{};
  EXPECT_EQ(4U, made.stream->Read(some).octets);
  std::array<char, 1> octet{};
  EXPECT_EQ(-1, ::recv(made.pair.server(), octet.data(), 1, MSG_PEEK)) << "all was read ahead";
  EXPECT_TRUE(made.stream->pending());
  EXPECT_EQ(4U, made.stream->Read(some).octets);
  EXPECT_TRUE(made.stream->pending());
  EXPECT_EQ(5U, made.stream->Read(some).octets);
  EXPECT_FALSE(made.stream->pending());
  EXPECT_EQ(Io::State::kWait, made.stream->Read(some).state);
}

TEST_P(TlsStreamVersions, HalfARecordIsNothingYet) {
  Connection made(world_.server, Wanted());
  // What the client sends goes to another pair, to be cut in two.
  const Pair aside;
  SSL_set_wfd(made.client.ssl(), aside.client());
  made.client.Write("question");
  std::array<std::uint8_t, 200> record{};
  const ssize_t size = ::recv(aside.server(), record.data(), record.size(), 0);
  ASSERT_LT(10, size);
  ASSERT_EQ(10, ::send(made.pair.client(), record.data(), 10, 0));
  std::array<std::uint8_t, 100> some{};
  EXPECT_EQ(Io::State::kWait, made.stream->Read(some).state);
  EXPECT_FALSE(made.stream->pending());
  ASSERT_LT(0,
            ::send(made.pair.client(), record.data() + 10, static_cast<std::size_t>(size) - 10, 0));
  EXPECT_EQ(8U, made.stream->Read(some).octets);
}

TEST_P(TlsStreamVersions, ASpoiledRecordIsTheEnd) {
  Connection made(world_.server, Wanted());
  const std::string_view garbage("\x17\x03\x03\x00\x20garbagegarbagegarbagegarbagegarb", 37);
  ASSERT_EQ(37, ::send(made.pair.client(), garbage.data(), garbage.size(), 0));
  std::array<std::uint8_t, 100> some{};
  EXPECT_EQ(Io::State::kFailed, made.stream->Read(some).state);
  EXPECT_EQ("decryption failed or bad record mac", made.stream->error());
  EXPECT_EQ(Io::State::kFailed, made.stream->Read(some).state);
  EXPECT_EQ(Io::State::kFailed, WriteText(*made.stream, "x").state);
  made.stream->End();
  EXPECT_EQ("decryption failed or bad record mac", made.stream->error());
}

TEST_P(TlsStreamVersions, WritingToNobodyIsAFailureAndNoSignal) {
  Connection made(world_.server, Wanted());
  made.pair.CloseClient();
  EXPECT_EQ(Io::State::kFailed, WriteText(*made.stream, "x").state);
  EXPECT_EQ("Broken pipe", made.stream->error());
}

TEST(TlsStream, TheTicketComesWithTheFirstAnswer) {
  const World world;
  const Pair pair;
  const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
  Client client(pair.client(), {});
  ASSERT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
  client.Write("question");
  std::array<std::uint8_t, 16> question{};
  ASSERT_EQ(8U, stream->Read(question).octets);
  EXPECT_EQ("", client.Read());
  EXPECT_TRUE(client.sessions().empty()) << "it would be a packet of its own";
  EXPECT_EQ(6U, WriteText(*stream, "answer").octets);
  EXPECT_EQ("answer", client.Read());
  EXPECT_EQ(1U, client.sessions().size());
}

TEST(TlsStream, TheTicketComesWithAnEnd) {
  const World world;
  const Pair pair;
  const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
  Client client(pair.client(), {});
  ASSERT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
  stream->End();
  int ended_with = 0;
  EXPECT_EQ("", client.Read(&ended_with));
  EXPECT_EQ(SSL_ERROR_ZERO_RETURN, ended_with);
  EXPECT_EQ(1U, client.sessions().size());
}

TEST(TlsStream, WhatTheSocketDoesNotTakeAtOnceComesLaterAndInOrder) {
  const World world;
  const Pair pair;
  const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
  Client client(pair.client(), {});
  ASSERT_EQ(Io::State::kDone, Shake(*stream, client)) << stream->error();
  // Nothing of the ticket, nor of the answer, finds room.
  std::size_t filled = 0;
  const std::array<char, 4096> filling{};
  for (ssize_t sent = 0; sent >= 0; filled += sent < 0 ? 0 : static_cast<std::size_t>(sent)) {
    sent = ::send(pair.server(), filling.data(), filling.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  EXPECT_EQ("", ReadAll(*stream));
  EXPECT_EQ(EPOLLOUT, static_cast<int>(stream->waits_for()));
  EXPECT_EQ(Io::State::kWait, WriteText(*stream, "answer").state);
  EXPECT_EQ(EPOLLOUT, static_cast<int>(stream->waits_for()));
  std::array<char, 4096> taken{};
  while (filled > 0) {
    const ssize_t got = ::recv(pair.client(), taken.data(), std::min(filled, taken.size()), 0);
    ASSERT_LT(0, got);
    filled -= static_cast<std::size_t>(got);
  }
  EXPECT_EQ(6U, WriteText(*stream, "answer").octets);
  EXPECT_EQ("answer", client.Read());
  EXPECT_EQ(1U, client.sessions().size());
}

TEST(TlsStream, SaysWhatIsNotTls) {
  const World world;
  const struct {
    std::string_view sent;
    std::string_view error;
  } rows[] = {
      {"GET /dns-query HTTP/1.1\r\nHost: dns.example.com\r\n\r\n", "http request"},
      {std::string_view("\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\0\0\x1c\0\1", 27),
       "wrong version number"},
      {std::string_view("\x16\x03\x01\x00\x05\x02\0\0\x01\0", 10), "unexpected message"},
  };
  for (const auto& row : rows) {
    const Pair pair;
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    ASSERT_LT(0, ::send(pair.client(), row.sent.data(), row.sent.size(), 0));
    EXPECT_EQ(Io::State::kFailed, stream->Handshake().state);
    EXPECT_EQ(row.error, stream->error());
    EXPECT_EQ(Io::State::kFailed, stream->Handshake().state);
  }
}

TEST(TlsStream, AnEndWithinTheHandshakeIsAFailure) {
  const World world;
  for (const std::string_view sent : {"", "\x16\x03\x01"}) {
    Pair pair;
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    EXPECT_EQ(Io::State::kWait, stream->Handshake().state);
    ASSERT_LE(0, ::send(pair.client(), sent.data(), sent.size(), 0));
    pair.CloseClient();
    Io::State state = stream->Handshake().state;
    if (state == Io::State::kWait) state = stream->Handshake().state;
    EXPECT_EQ(Io::State::kFailed, state);
    EXPECT_EQ("closed by the other side", stream->error());
    stream->End();
  }
}

TEST(TlsStream, TellsThatTheClientDoesNotTrustIt) {
  const World world;
  const Issued other = IssuedFor("DNS:other.example.com");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Wants wants;
    wants.least = wants.most = version;
    wants.authority = &other;
    const Pair pair;
    const auto stream = world.server->Accept(pair.server(), Alpn::kDot, kNowhere);
    Client client(pair.client(), wants);
    EXPECT_EQ(Io::State::kFailed, Shake(*stream, client));
    EXPECT_NE(std::string_view::npos, stream->error().find("alert")) << stream->error();
  }
}

TEST(TlsStream, OneCallReceivesOnce) {
  const World world;
  Connection made(world.server, Wants());
  // Who has us calculate keys and nothing else is hung up on, and until then has not kept anybody
  // else waiting.
  std::array<std::uint8_t, 100> some{};
  int calls = 0;
  int updates = 0;
  Io::State state = Io::State::kWait;
  for (; state == Io::State::kWait && calls < 1000; ++calls) {
    while (updates < 10'000 &&
           SSL_key_update(made.client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
           SSL_do_handshake(made.client.ssl()) == 1) {
      ++updates;
    }
    SSL_do_handshake(made.client.ssl());
    state = made.stream->Read(some).state;
    EXPECT_FALSE(made.stream->pending());
  }
  EXPECT_EQ(Io::State::kFailed, state);
  EXPECT_LT(1, calls);
  EXPECT_GT(2000, updates);
  EXPECT_EQ("too much without any data", made.stream->error());
}

TEST(TlsStream, SomeNewKeysAreFine) {
  const World world;
  Connection made(world.server, Wants());
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(1, SSL_key_update(made.client.ssl(), SSL_KEY_UPDATE_REQUESTED));
    made.client.Write("x");
    ASSERT_EQ("x", ReadAll(*made.stream)) << made.stream->error();
    WriteText(*made.stream, "y");
    ASSERT_EQ("y", made.client.Read());
  }
}

TEST(TlsStream, ChangeCipherSpecAfterTheHandshakeIsAFailure) {
  const World world;
  Connection made(world.server, Wants());
  const std::string_view record("\x14\x03\x03\x00\x01\x01", 6);
  ASSERT_EQ(6, ::send(made.pair.client(), record.data(), record.size(), 0));
  std::array<std::uint8_t, 100> some{};
  EXPECT_EQ(Io::State::kFailed, made.stream->Read(some).state);
  EXPECT_EQ("bad record type", made.stream->error());
}

TEST(PlainStream, IsNotResumed) {
  const Pair pair;
  const PlainStream stream(pair.server());
  EXPECT_FALSE(stream.resumed());
}

}  // namespace
}  // namespace resolve64::net
