#!/usr/bin/env bash
# Sets everything up on a bare Debian 12 with Rust and renders the first clips to out/.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

install_packages "${build_packages[@]}" "${run_packages[@]}"
need_rust

say "building (about 20 minutes the first time on two cores)"
cargo build --release --locked --workspace --bin huashen

huashen="$CARGO_TARGET_DIR/release/huashen"
say "fetching the models"
"$huashen" setup

mkdir -p out
for language in zh en; do
  say "rendering out/hello-$language.mp4"
  "$huashen" render "tools/demo/hello-$language.txt" --output "out/hello-$language.mp4" --force
done

say "done"
echo "  $root/out/hello-zh.mp4"
echo "  $root/out/hello-en.mp4"
echo
echo "To call the program by its name in this shell:"
echo "  export PATH=\"${huashen%/*}:\$PATH\""
