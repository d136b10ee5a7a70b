// Recursion: from a question to its answer, from the root down (RFC 1034 section 5.3.3).
#pragma once

#include <memory>
#include <optional>

#include "base/random.h"
#include "net/task.h"
#include "resolver/answer.h"
#include "resolver/caches.h"
#include "resolver/request.h"
#include "resolver/settings.h"
#include "resolver/stats.h"
#include "resolver/upstream/transport.h"

namespace resolve64::resolver {

/// The resolver of one worker. Not thread-safe; the caches it is given are shared with other
/// workers.
class Resolver {
 public:
  /// Everything is borrowed for the life of the resolver.
  Resolver(net::Scheduler& scheduler, Random& random, Caches& caches,
           upstream::Transport& transport, Stats& stats);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// What holds for questions that start from now on.
  void SetSettings(SettingsPtr settings);

  /// A request with the limits and the deadline of the settings. `trace` may be null.
  RequestPtr NewRequest(std::shared_ptr<Trace> trace = nullptr);

  /// The answer to (name, type, IN), aliases followed. Always ends by the deadline of `request`.
  /// Local zones come first, then the caches, then the network. Equal questions on the wire are
  /// asked once.
  net::Task<Answer> Resolve(const Name& name, RrType type, RequestPtr request);

  /// The same without asking anybody: empty where a query would have to be sent, or a signature
  /// verified. `checking_disabled`: see Request.
  std::optional<Answer> ResolveFromCache(const Name& name, RrType type,
                                         bool checking_disabled = false, Trace* trace = nullptr);

  /// Priming (RFC 8109): asks for the root's NS, so that the first client does not wait for it.
  net::Task<bool> Prime();

  class State;  ///< the inside, for the source files of this folder

 private:
  std::unique_ptr<State> state_;
};

}  // namespace resolve64::resolver
