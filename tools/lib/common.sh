# Shared by the scripts in tools/: where builds go, and the system packages.
# Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# Outside the clone, so that a second clone does not build everything again.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/huashen/target}"

say() { printf '\n==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 3; }

build_packages=(build-essential pkg-config clang libclang-dev libavcodec-dev libavformat-dev
  libavutil-dev libswscale-dev libswresample-dev libasound2-dev libwayland-dev)
# Vulkan, X11 and xkb are opened at run time, so no linker asks for them; espeak-ng
# reads the names that no dictionary has, and seven languages.
run_packages=(mesa-vulkan-drivers ffmpeg libwayland-client0 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0
  espeak-ng)
# A desktop without a screen, a sound server without a sound card, certificates to sign with.
test_packages=(chromium openssl weston xvfb pulseaudio pulseaudio-utils libasound2-plugins)

# Installs what of "$@" (Debian packages) is missing; asks first when sudo is needed.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system: install the equivalents of: $*"
    return 0
  fi
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
  done
  # The package clients count when they run, whoever installed them.
  command -v npm >/dev/null || missing+=(npm)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
  [ ${#missing[@]} -gt 0 ] || return 0

  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "missing packages: ${missing[*]}; install them as root: apt-get install ${missing[*]}"
    [ -t 0 ] || die "missing packages: ${missing[*]}; install them first: sudo apt-get install ${missing[*]}"
    read -r -p "Install with sudo: ${missing[*]} ? [Y/n] " answer
    case "$answer" in [nN]*) die "these packages are needed: ${missing[*]}" ;; esac
    sudo=(sudo)
  fi
  say "installing: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The packages of tools/browser, outside the clone as well.
install_browser_tools() {
  local dir="${HUASHEN_BROWSER_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/huashen/browser}"
  # npm empties the folder first, so a broken-off install leaves no stamp.
  local stamp="$dir/node_modules/.installed"
  cmp -s tools/browser/package-lock.json "$stamp" && return 0
  say "npm packages for the browser test"
  mkdir -p "$dir"
  cp tools/browser/package.json tools/browser/package-lock.json "$dir"
  (cd "$dir" && npm ci --no-audit --no-fund)
  cp tools/browser/package-lock.json "$stamp"
}

need_rust() {
  command -v cargo >/dev/null && return 0
  # rustup installs here; a fresh shell may not know it yet.
  [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
  command -v cargo >/dev/null || die "Rust is missing: install it from https://rustup.rs, then run this again"
}
