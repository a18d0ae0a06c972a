module example.test/start

go 1.22.0
