module github.com/foreman-jobs/foreman/clients/go

go 1.24
