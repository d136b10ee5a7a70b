// `resolve64ctl profile`: its options, and where it finds what it writes about.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace resolve64::ctl {

/// Adds the command. Where it is given, `command` becomes what runs it and returns the exit code.
/// `socket` is the control socket, read once the command runs.
void AddProfileCommand(CLI::App& app, const std::string& socket, std::function<int()>& command);

}  // namespace resolve64::ctl
