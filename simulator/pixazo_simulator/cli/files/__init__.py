"""The commands for users' files: what is wrong with them, their JSON Schemas, and the certificates of `serve --tls`."""
