// The zones that are answered here: the operator's files and the special-use names.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "resolve64/name.h"
#include "resolve64/types.h"
#include "zone/local_answer.h"
#include "zone/special_use.h"
#include "zone/zone.h"

namespace resolve64::zone {

/// A zone to be answered from a file in the format of RFC 1035 section 5.
struct ZoneFile {
  Name zone;
  std::string path;
};

struct LocalZonesOptions {
  std::vector<ZoneFile> files;
  /// RFC 6303, RFC 7793 and the special-use names: localhost, invalid, test, onion, local,
  /// home.arpa, service.arpa, resolver.arpa.
  bool builtin = true;
  /// Names that the built-in zones leave alone, each with its subtree.
  std::vector<Name> except;
  /// Names that the operator forwards, or has a stub for. One that is a built-in zone, or is below
  /// a local zone, takes its subtree out of it. One above a local zone, such as the root, does not:
  /// the more specific of the two holds.
  std::vector<Name> routed;
  /// The text of version.bind and version.server, class CH. Empty: hidden (RFC 4892).
  std::optional<std::string> version;
  /// The text of id.server and hostname.bind, class CH. Empty: hidden.
  std::optional<std::string> id;
};

/// Immutable; any thread. Made anew at each load of the configuration.
class LocalZones {
 public:
  struct Loaded {
    std::shared_ptr<const LocalZones> zones;  ///< null where there is an error
    std::vector<std::string> errors;  ///< one a line, "path:line: text" where a line is known
  };
  /// Reads every file, and reports what is wrong with all of them. Blocks on the files.
  static Loaded Load(const LocalZonesOptions& options);

  /// The answer to a question of class IN. Empty: nothing local, resolve it. That is so too for the
  /// DS of a zone's own apex, which the parent has (RFC 4035 section 3.1.4.1), unless the parent is
  /// local as well, and for names at or below a delegation inside a zone file.
  ///
  /// Aliases are followed through all local zones, at most kMaxAliases of them; past that the
  /// RCODE is SERVFAIL and nothing else is set. ANY gets every RRset of the name.
  [[nodiscard]] std::optional<LocalAnswer> Find(const Name& name, RrType type) const;

  /// The answer to a question of class CH: a TXT record, written in class CH, where a text is
  /// configured, NODATA (without SOA) for other types of such a name, REFUSED for everything else.
  [[nodiscard]] LocalAnswer FindChaos(const Name& name, RrType type) const;

  static constexpr std::size_t kMaxAliases = 11;

 private:
  LocalZones() = default;

  struct Hash {
    std::size_t operator()(const Name& name) const noexcept { return name.Hash(); }
  };
  // What holds at a name and below it, down to the next entry.
  struct Entry {
    std::shared_ptr<const Zone> zone;  // null: not local, whatever is above
    SpecialUse use = SpecialUse::kEmptyZone;
    bool ds_is_local = false;
  };
  using Names = std::unordered_set<Name, Hash>;

  [[nodiscard]] const Entry* Closest(const Name& name, RrType type) const;
  [[nodiscard]] static Zone::Step Ask(const Entry& entry, const Name& name, RrType type);
  bool Insert(const Name& name, const Entry& entry);
  void Occupy(const Name& name);
  void AddBuiltin(const LocalZonesOptions& options);

  std::unordered_map<Name, Entry, Hash> entries_;
  // The zones of the operator, forwarded ones too, and the names above them. An enclosing zone that
  // does not have such a name must not deny it.
  Names occupied_;
  // By their last label, the labels of the longest name in entries_: of most names that are asked
  // for there is none.
  std::unordered_map<Name, std::size_t, Hash> deepest_;
  std::optional<std::string> version_;
  std::optional<std::string> id_;
};

}  // namespace resolve64::zone
