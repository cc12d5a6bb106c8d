#!/usr/bin/env bash
# Build the site of the documentation: docs/, and the pages of each module, filter and role that antsibull-docs writes.
# A link that leads nowhere, or a module whose documentation is not valid, is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly site=.cache/site
readonly source=$site/source

rm -rf "$site"
mkdir -p "$source/collection"
cp -r docs/. "$source"
mv "$source"/site/* "$source"
rmdir "$source/site"
antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir "$source/collection" dialtone.ha_pbx
sphinx-build --quiet --fail-on-warning --keep-going "$source" "$site/html"
printf 'the site is in %s/html\n' "$site"
