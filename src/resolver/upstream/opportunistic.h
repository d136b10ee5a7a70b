// TLS to authoritative servers that said nothing of it (RFC 9539).
//
// What is known of a server's port 853 stands in the server table. A server of which nothing is
// known is asked in clear, and tried beside that with the same question: nobody waits for it. One
// that answered there is asked there first; where that fails, or takes longer than it should, it is
// asked in clear at once. Whoever answers there is good enough: this helps against those who only
// listen.
#pragma once

#include <cstddef>
#include <functional>

#include "resolver/upstream/exchange.h"

namespace resolve64::resolver::upstream {

/// Servers that are tried at the same time, by one worker. The others are tried with a later
/// question.
inline constexpr std::size_t kMaxProbes = 16;

/// Sets going, in the background, an attempt to ask `server` over TLS, where nothing is known of
/// that and nobody else is trying. It costs the request nothing.
void ProbeTls(ExchangeContext& context, const cache::Server& server, const Question& question,
              const SettingsPtr& settings);

/// Exchange() with a server that answered over TLS before: in clear as well once `patience` is
/// over, or once TLS failed. What it learns goes into the table, and what it does into the account.
net::Task<Heard> ExchangePreferringTls(ExchangeContext& context, cache::Server server,
                                       Question question, SettingsPtr settings, RequestPtr request,
                                       Duration patience, std::function<void()> on_nonsense);

}  // namespace resolve64::resolver::upstream
