// The environment of this process, as other processes see it.
#pragma once

namespace perdure {

/// Moves the values of the environment to where only this process can read them: what /proc/PID/
/// environ shows becomes empty, so that a command of the model finds no key there (attack A35), and
/// no core dump or debugger of the same user shows this process's memory. Only the mark of the call
/// that started this process stays (os/process.h). For main(), before anything keeps a pointer into
/// the environment.
void hide_environment();

}  // namespace perdure
