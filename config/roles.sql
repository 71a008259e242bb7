-- The roles of an installation and their rights, as config/embedded.py makes them for development. Run once, as the
-- superuser, in the new database, by psql ≥ 14 with the three passwords in its environment.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
\getenv backup_password BACKUP_PASSWORD
CREATE ROLE michisuji_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'owner_password';
CREATE ROLE michisuji_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'app_password';
CREATE ROLE michisuji_backup LOGIN NOSUPERUSER BYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'backup_password';
GRANT pg_read_all_data TO michisuji_backup;
ALTER DATABASE michisuji OWNER TO michisuji_owner;
REVOKE ALL ON DATABASE michisuji FROM PUBLIC;
GRANT CONNECT ON DATABASE michisuji TO michisuji_app, michisuji_backup;
GRANT CREATE ON SCHEMA public TO michisuji_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE michisuji_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO michisuji_app;
ALTER DEFAULT PRIVILEGES FOR ROLE michisuji_owner GRANT USAGE, SELECT ON SEQUENCES TO michisuji_app;
