# SPDX-License-Identifier: Apache-2.0
"""The benchmark of Weir beside its peers; bench/README.md says what is measured and why."""
