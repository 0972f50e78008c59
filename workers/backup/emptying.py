"""SQL that takes everything out of a database's schema but the extensions, which only a superuser may make again."""

from __future__ import annotations

EMPTY_PUBLIC = """
DO $$
DECLARE statement text;
BEGIN
    FOR statement IN
        WITH own (class, object, drop_it) AS (
            SELECT 'pg_class'::regclass, oid,
                format('DROP %s IF EXISTS %s CASCADE',
                    CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                    WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, oid::regclass)
            FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            UNION ALL
            SELECT 'pg_proc'::regclass, oid, format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
            FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'pg_ts_config'::regclass, oid,
                format('DROP TEXT SEARCH CONFIGURATION IF EXISTS public.%I CASCADE', cfgname)
            FROM pg_ts_config WHERE cfgnamespace = 'public'::regnamespace
            UNION ALL
            SELECT 'pg_ts_dict'::regclass, oid,
                format('DROP TEXT SEARCH DICTIONARY IF EXISTS public.%I CASCADE', dictname)
            FROM pg_ts_dict WHERE dictnamespace = 'public'::regnamespace
        )
        SELECT drop_it FROM own
        WHERE NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = own.class AND objid = own.object AND deptype IN ('e', 'i', 'a')
        )
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
"""
