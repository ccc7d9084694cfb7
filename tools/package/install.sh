#!/bin/sh
# Installs the executable of a release, once its sum is right: sh install.sh FROM [TO]
# FROM: address or folder of the release's files. TO: folder for the command, ~/.local/bin unless given.
set -eu

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "say where the files of the release are: sh install.sh FROM [TO]"
from=${1%/}
to=${2:-${HOME:?}/.local/bin}

case "$(uname -s)" in
  Linux) system=linux ;;
  Darwin) system=darwin ;;
  *) fail "there is no executable for $(uname -s)." ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) processor=x64 ;;
  arm64 | aarch64) processor=arm64 ;;
  *) fail "there is no executable for $(uname -m)." ;;
esac

fetch() { # NAME FILE
  case "$from" in
    http://* | https://*)
      if command -v curl >/dev/null; then
        curl -fsSL "$from/$1" -o "$2"
      elif command -v wget >/dev/null; then
        wget -qO "$2" "$from/$1"
      else
        fail "curl or wget is needed. Install one of them, or name a folder that holds the files."
      fi
      ;;
    *) cp "$from/$1" "$2" ;;
  esac || fail "$from/$1 cannot be fetched."
}

sum() { # FILE
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

mkdir -p "$to" || fail "$to cannot be made. Name another folder: sh install.sh $from FOLDER"
# Beside the place of the command, which is to change at once or not at all.
work=$(mktemp -d "$to/.ingle-XXXXXX") || fail "$to cannot be written to. Name another folder: sh install.sh $from FOLDER"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fetch SHA256SUMS "$work/SHA256SUMS"
line=$(grep -E "^[0-9a-f]{64}  ingle-[0-9A-Za-z.-]+-$system-$processor\$" "$work/SHA256SUMS") || fail "$from has no executable for $system-$processor."
[ "$(echo "$line" | wc -l)" -eq 1 ] || fail "$from has several executables for $system-$processor."
name=${line#*  }
fetch "$name" "$work/ingle"
[ "$(sum "$work/ingle")" = "${line%%  *}" ] || fail "$name is not the file that SHA256SUMS names. Nothing was changed."

chmod 755 "$work/ingle"
version=$("$work/ingle" --version) || fail "$name does not run on this machine. Nothing was changed."
mv -f "$work/ingle" "$to/ingle"
echo "ingle $version is $to/ingle"
case ":$PATH:" in
  *":$to:"*) ;;
  *) echo "$to is not on your PATH: call $to/ingle, or add the folder." ;;
esac
