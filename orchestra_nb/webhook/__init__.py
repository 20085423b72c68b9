"""A webhook: another program hears when a decision opens or ends, and when the run is over.

Each message is a POST of JSON, signed as Standard Webhooks (standardwebhooks.com) says. A run
neither waits for it nor fails because of it.
"""
