#!/bin/sh
# On the first start of an empty PostgreSQL: an account and a database each for Prefect and for the case file.
# psql quotes the passwords itself; they stand in no command line.
set -eu
for name in prefect qorgan; do
    secret=/run/secrets/POSTGRES_$(echo "$name" | tr '[:lower:]' '[:upper:]')_PASSWORD
    psql --username postgres --set ON_ERROR_STOP=1 --set name="$name" <<SQL
\set password \`cat $secret\`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
SQL
done
