#!/usr/bin/env bash
# Installs what the tests need and runs them all: format, lints, tests.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

install_packages "${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}"
need_rust
install_browser_tools

# The 3D presenter has to be drawn without a GPU too: a missing piece is a failure here.
export HUASHEN_REQUIRE="speech listen face font vulkan ffmpeg espeak browser desktop pulse wayland openssl"

say "format"
cargo fmt --all --check

say "lints (warnings are errors)"
cargo clippy --release --locked --workspace --all-targets -- -D warnings

say "build"
cargo build --release --locked --workspace
say "models"
"$CARGO_TARGET_DIR/release/huashen" setup

say "tests"
cargo test --release --locked --workspace
