# SPDX-License-Identifier: Apache-2.0
"""The differential suite of HTTP: one corpus of requests, two proxies with the same configuration file, every answer compared."""
