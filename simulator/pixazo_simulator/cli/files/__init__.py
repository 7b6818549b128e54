"""The commands about the files of users: what is wrong with them, their JSON Schemas, and the certificates of `serve --tls`."""
