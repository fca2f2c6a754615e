#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build_and_run.sh COMPILER PREFIX BUILD_DIR VERSION: a build without CMake, as a makefile has it.
set -eu
compiler=$1 prefix=$2 build=$3 version=$4
here=$(dirname "$0")

export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
mkdir -p "$build"
# shellcheck disable=SC2046 # the flags are meant to be split
"$compiler" -std=c++20 $(pkg-config --cflags "agentstore = $version") "$here/../main.cpp" \
  $(pkg-config --libs agentstore) -o "$build/consumer"
[ "$("$build/consumer")" = "agentstore $version" ]
