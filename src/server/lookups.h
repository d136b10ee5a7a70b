// What the pipeline needs of recursion: an interface, so that tests can script it.
#pragma once

#include <memory>
#include <optional>

#include "net/task.h"
#include "resolve64/name.h"
#include "resolve64/types.h"
#include "resolver/answer.h"
#include "resolver/request.h"
#include "resolver/trace.h"

namespace resolve64::server {

class Lookups {
 public:
  virtual ~Lookups() = default;
  /// See resolver::Resolver::NewRequest().
  virtual resolver::RequestPtr NewRequest(std::shared_ptr<resolver::Trace> trace) = 0;
  /// See resolver::Resolver::Resolve().
  virtual net::Task<resolver::Answer> Resolve(Name name, RrType type,
                                              resolver::RequestPtr request) = 0;
  /// See resolver::Resolver::ResolveFromCache().
  virtual std::optional<resolver::Answer> FromCache(const Name& name, RrType type,
                                                    bool checking_disabled,
                                                    resolver::Trace* trace) = 0;
  /// Whether there is something of (name, type) in the cache: quick, and not the whole truth.
  virtual bool Knows(const Name& name, RrType type) = 0;
};

}  // namespace resolve64::server
