#include "ctl/qr_code.h"

#include <qrencode.h>

#include <memory>

namespace resolve64::ctl {
namespace {

constexpr int kQuietZone = 4;  // modules on each side (ISO/IEC 18004 section 9.1)

struct Free {
  void operator()(QRcode* code) const noexcept { QRcode_free(code); }
};

bool IsLight(const QRcode& code, int x, int y) {
  if (x < 0 || y < 0 || x >= code.width || y >= code.width) return true;
  return (code.data[y * code.width + x] & 1U) == 0;
}

}  // namespace

std::string QrCode(const std::string& text, bool colour) {
  const std::unique_ptr<QRcode, Free> code(QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M));
  if (code == nullptr) return {};
  std::string drawn;
  for (int y = -kQuietZone; y < code->width + kQuietZone; y += 2) {
    if (colour) drawn += "\033[40;97m";
    for (int x = -kQuietZone; x < code->width + kQuietZone; ++x) {
      const bool upper = IsLight(*code, x, y);
      const bool lower = IsLight(*code, x, y + 1);
      drawn += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
    }
    drawn += colour ? "\033[0m\n" : "\n";
  }
  return drawn;
}

}  // namespace resolve64::ctl
