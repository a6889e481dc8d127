#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that can be said about the text of the project without compiling it. scripts/tidy.sh says more, slowly.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
status=0
"$here/format.sh" --check || status=1
"$here/lint_text.sh" || status=1
"$here/lint_layers.sh" || status=1
"$here/readme_numbers.py" --check || status=1
"$here/lint_coroutines.sh" --self-test || status=1
"$here/lint_coroutines.sh" || status=1
exit "$status"
