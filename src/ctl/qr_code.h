// QR codes in a terminal.
#pragma once

#include <string>

namespace resolve64::ctl {

/// `text` as a QR code of UTF-8 half blocks, two modules a character, with its quiet zone. Blocks
/// are the light modules, as they come out right on a dark terminal; with `colour` black and white
/// are set and they come out right on any. Empty where the text is too long for a code.
std::string QrCode(const std::string& text, bool colour);

}  // namespace resolve64::ctl
