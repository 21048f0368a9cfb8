module github.com/cuenta-server/cuenta

go 1.26
