#include "zone/zone_file.h"

#include <fcntl.h>
#include <ldns/ldns.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

namespace resolve64::zone {
namespace {

constexpr std::uint32_t kTtlWithoutAny = 3600;  // seconds

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
struct FreeRdf {
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};
struct FreeRr {
  void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
};
struct FreeOctets {
  void operator()(std::uint8_t* octets) const noexcept { std::free(octets); }
};

std::string SystemError(int code) { return std::generic_category().message(code); }

// Null, with a problem, where `path` cannot be opened or is no file that could be a zone.
std::unique_ptr<std::FILE, CloseFile> Open(const std::string& path, ZoneFileText& out) {
  // A FIFO would make open() wait.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    out.problems.push_back({0, "cannot be opened: " + SystemError(errno)});
    return nullptr;
  }
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    out.problems.push_back({0, "is not a regular file"});
    ::close(descriptor);
    return nullptr;
  }
  if (static_cast<std::uintmax_t>(status.st_size) > kMaxZoneFileOctets) {
    out.problems.push_back(
        {0, "is longer than " + std::to_string(kMaxZoneFileOctets >> 20U) + " MiB"});
    ::close(descriptor);
    return nullptr;
  }
  std::FILE* file = ::fdopen(descriptor, "r");
  if (file == nullptr) {
    out.problems.push_back({0, "cannot be opened: " + SystemError(errno)});
    ::close(descriptor);
  }
  return std::unique_ptr<std::FILE, CloseFile>(file);
}

// What ldns read, as wire octets. Empty where it is not a record of class IN.
std::optional<Record> ToRecord(const ldns_rr& rr, int line) {
  if (ldns_rr_get_class(&rr) != LDNS_RR_CLASS_IN) return std::nullopt;
  std::uint8_t* raw = nullptr;
  std::size_t size = 0;
  if (ldns_rr2wire(&raw, &rr, LDNS_SECTION_ANSWER, &size) != LDNS_STATUS_OK) return std::nullopt;
  const std::unique_ptr<std::uint8_t, FreeOctets> owned(raw);
  const std::span<const std::uint8_t> wire(raw, size);

  const auto owner = Name::FromWire(wire);
  constexpr std::size_t kFixed = 10;  // TYPE, CLASS, TTL, RDLENGTH (RFC 1035 section 4.1.3)
  if (!owner || wire.size() < owner->length() + kFixed) return std::nullopt;
  const auto rdata = wire.subspan(owner->length() + kFixed);
  return Record(*owner, static_cast<RrType>(ldns_rr_get_type(&rr)), ldns_rr_ttl(&rr),
                std::vector<std::uint8_t>(rdata.begin(), rdata.end()), line);
}

const char* Explain(ldns_status status) {
  switch (status) {
    case LDNS_STATUS_SYNTAX_INCLUDE:
    case LDNS_STATUS_SYNTAX_INCLUDE_ERR_NOTIMPL:
      return "$INCLUDE is not supported";
    case LDNS_STATUS_SYNTAX_RDATA_ERR:
      return "the data does not have the form of its type";
    case LDNS_STATUS_SYNTAX_TYPE_ERR:
      return "unknown record type";
    case LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR:
      return "the data is incomplete";
    default:
      return ldns_get_errorstr_by_id(status);
  }
}

}  // namespace

ZoneFileText ReadZoneFile(const std::string& path, const Name& origin) {
  ZoneFileText out;
  const auto file = Open(path, out);
  if (!file) return out;

  const auto wire = origin.wire();
  // ldns replaces both while it reads, and frees what it replaces.
  ldns_rdf* raw_origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire.size(), wire.data());
  ldns_rdf* raw_previous = nullptr;
  std::uint32_t ttl = kTtlWithoutAny;
  bool has_default_ttl = false;
  int line = 1;
  while (std::feof(file.get()) == 0 && out.problems.size() < kMaxProblems) {
    const int begin = line;
    ldns_rr* raw = nullptr;
    const ldns_status status =
        ldns_rr_new_frm_fp_l(&raw, file.get(), &ttl, &raw_origin, &raw_previous, &line);
    const std::unique_ptr<ldns_rr, FreeRr> rr(raw);
    if (std::ferror(file.get()) != 0) {
      out.problems.push_back({begin, "cannot be read: " + SystemError(errno)});
      break;
    }
    switch (status) {
      case LDNS_STATUS_OK:
        // RFC 1035 section 5.1: the TTL last stated holds on. RFC 2308 section 4: until $TTL.
        if (!has_default_ttl) ttl = ldns_rr_ttl(rr.get());
        if (auto record = ToRecord(*rr, begin)) {
          out.records.push_back(std::move(*record));
        } else {
          out.problems.push_back({begin, "the class is not IN"});
        }
        break;
      case LDNS_STATUS_SYNTAX_TTL:
        has_default_ttl = true;
        break;
      case LDNS_STATUS_SYNTAX_EMPTY:
      case LDNS_STATUS_SYNTAX_ORIGIN:
        break;
      default:
        out.problems.push_back({begin, Explain(status)});
    }
  }
  const std::unique_ptr<ldns_rdf, FreeRdf> last_origin(raw_origin);
  const std::unique_ptr<ldns_rdf, FreeRdf> last_owner(raw_previous);
  return out;
}

std::string ToText(const std::string& path, const Problem& problem) {
  if (problem.line == 0) return path + ": " + problem.text;
  return path + ":" + std::to_string(problem.line) + ": " + problem.text;
}

}  // namespace resolve64::zone
