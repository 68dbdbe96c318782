// PERDURE_EXPORT marks what the shared library shows. Everything else stays hidden, so that a
// program and Perdure can link different versions of the same libraries without meeting each
// other's symbols.
#pragma once

#define PERDURE_EXPORT __attribute__((visibility("default")))
