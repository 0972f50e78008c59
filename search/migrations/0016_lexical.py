"""Full text over passages, the vocabulary of each collection, and the identifiers that documents name.

The words of every passage, with its document's title, are a row of `lexical_passage`, written by triggers: no writer
can forget them. `lexical_word` is counted by a job (search/words/vocabulary.py). Both have no model: Django would load
and copy what only the database reads.
"""

from __future__ import annotations

from itertools import islice

import django.db.models.deletion
from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations, models

from search.words.identifiers import identifiers_of

BATCH = 500

# Each language's own configuration with accents removed first, as `search_<language>`. Every kind of token takes
# part: `search_words` leaves nothing but letters and digits.
CONFIGURATIONS = """
    DO $$
    DECLARE built_in record;
    BEGIN
        FOR built_in IN
            SELECT config.cfgname, map.mapdict::regdictionary AS dictionary
            FROM pg_ts_config config JOIN pg_ts_config_map map ON map.mapcfg = config.oid
            WHERE config.cfgnamespace = 'pg_catalog'::regnamespace AND map.maptokentype = 2
        LOOP
            EXECUTE format('CREATE TEXT SEARCH CONFIGURATION %I (COPY = pg_catalog.%I)',
                           'search_' || built_in.cfgname, built_in.cfgname);
            EXECUTE format('ALTER TEXT SEARCH CONFIGURATION %I ALTER MAPPING FOR word, hword, hword_part '
                           'WITH unaccent, %s', 'search_' || built_in.cfgname, built_in.dictionary);
        END LOOP;
    END $$
"""
NO_CONFIGURATIONS = """
    DO $$
    DECLARE made record;
    BEGIN
        FOR made IN SELECT cfgname FROM pg_ts_config
            WHERE cfgnamespace = current_schema()::regnamespace AND cfgname LIKE 'search\\_%'
        LOOP
            EXECUTE format('DROP TEXT SEARCH CONFIGURATION %I', made.cfgname);
        END LOOP;
    END $$
"""

# Signs become spaces: PostgreSQL's parser takes “KX-204/B” for a path, “a–b” and “„a“” for words. The ranges do not
# depend on the database's locale.
FUNCTIONS = r"""
    CREATE FUNCTION search_plain(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT regexp_replace(
            words, U&'[!-/:-@[-`{-~\00A0-\00A9\00AB-\00B1\00B4\00B6-\00B9\00BB-\00BF\00D7\00F7'
                   '\2000-\206F\2190-\2BFF\3000-\303F]+', ' ', 'g')
    $$;
    CREATE FUNCTION search_words(language text, words text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT to_tsvector(('search_' || language)::regconfig, search_plain(words))
    $$;
"""
NO_FUNCTIONS = "DROP FUNCTION search_words; DROP FUNCTION search_plain"

TABLES = """
    CREATE TABLE lexical_passage (
        passage_id bigint PRIMARY KEY REFERENCES search_passage (id) ON DELETE CASCADE,
        document_id bigint NOT NULL,
        collection_id bigint NOT NULL,
        language varchar(20) NOT NULL,
        words tsvector NOT NULL
    );
    CREATE TABLE lexical_vocabulary (
        collection_id bigint PRIMARY KEY REFERENCES search_collection (id) ON DELETE CASCADE,
        language varchar(20) NOT NULL,
        passages bigint NOT NULL,
        last_passage bigint NOT NULL
    );
    CREATE TABLE lexical_word (
        collection_id bigint NOT NULL REFERENCES search_collection (id) ON DELETE CASCADE,
        word text NOT NULL,
        lexeme text,
        passages bigint NOT NULL,
        PRIMARY KEY (collection_id, word)
    );
"""
NO_TABLES = "DROP TABLE lexical_word; DROP TABLE lexical_vocabulary; DROP TABLE lexical_passage"

FILL = """
    INSERT INTO lexical_passage
    SELECT passage.id, document.id, collection.id, collection.language,
           search_words(collection.language, document.title || ' ' || passage.text)
    FROM search_passage passage
    JOIN search_document document ON document.id = passage.document_id
    JOIN search_collection collection ON collection.id = document.collection_id
"""
INDEXES = """
    CREATE INDEX lexical_passage_words ON lexical_passage USING gin (words);
    CREATE INDEX lexical_passage_document ON lexical_passage (document_id);
    CREATE INDEX lexical_passage_collection ON lexical_passage (collection_id, language);
    CREATE INDEX lexical_word_lexeme ON lexical_word (lexeme, collection_id) INCLUDE (passages);
    CREATE INDEX lexical_word_trigrams ON lexical_word USING gin (word gin_trgm_ops);
"""

TRIGGERS = """
    CREATE FUNCTION lexical_passages_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO lexical_passage
        SELECT passage.id, document.id, collection.id, collection.language,
               search_words(collection.language, document.title || ' ' || passage.text)
        FROM new_passages passage
        JOIN search_document document ON document.id = passage.document_id
        JOIN search_collection collection ON collection.id = document.collection_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER lexical_passages_new AFTER INSERT ON search_passage
        REFERENCING NEW TABLE AS new_passages FOR EACH STATEMENT EXECUTE FUNCTION lexical_passages_new();

    CREATE FUNCTION lexical_document_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE lexical_passage lexical
        SET collection_id = collection.id, language = collection.language,
            words = search_words(collection.language, NEW.title || ' ' || passage.text)
        FROM search_passage passage, search_collection collection
        WHERE passage.document_id = NEW.id AND lexical.passage_id = passage.id AND collection.id = NEW.collection_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER lexical_document_changed AFTER UPDATE ON search_document FOR EACH ROW
        WHEN (OLD.title IS DISTINCT FROM NEW.title OR OLD.collection_id IS DISTINCT FROM NEW.collection_id)
        EXECUTE FUNCTION lexical_document_changed();
"""
NO_TRIGGERS = """
    DROP TRIGGER lexical_document_changed ON search_document;
    DROP TRIGGER lexical_passages_new ON search_passage;
    DROP FUNCTION lexical_document_changed;
    DROP FUNCTION lexical_passages_new;
"""


def name_identifiers(apps, schema_editor):
    """Write the identifiers of the documents that there are, a batch at a time."""
    documents = apps.get_model("search", "Document").objects
    identifier = apps.get_model("search", "DocumentIdentifier")
    fields = ("pk", "external_id", "title", "body", "metadata")
    rows = documents.values_list(*fields).iterator(BATCH)
    while batch := list(islice(rows, BATCH)):
        identifier.objects.bulk_create(
            [
                identifier(document_id=pk, value=value, source=source)
                for pk, *said in batch
                for value, source in identifiers_of(*said).items()
            ]
        )


class Migration(migrations.Migration):
    dependencies = [("search", "0015_suggestion_indexes")]

    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        migrations.AddField(
            model_name="collection",
            name="language",
            field=models.CharField(
                choices=[
                    ("english", "English"),
                    ("simple", "any other"),
                    ("arabic", "Arabic"),
                    ("armenian", "Armenian"),
                    ("basque", "Basque"),
                    ("catalan", "Catalan"),
                    ("danish", "Danish"),
                    ("dutch", "Dutch"),
                    ("finnish", "Finnish"),
                    ("french", "French"),
                    ("german", "German"),
                    ("greek", "Greek"),
                    ("hindi", "Hindi"),
                    ("hungarian", "Hungarian"),
                    ("indonesian", "Indonesian"),
                    ("irish", "Irish"),
                    ("italian", "Italian"),
                    ("lithuanian", "Lithuanian"),
                    ("nepali", "Nepali"),
                    ("norwegian", "Norwegian"),
                    ("portuguese", "Portuguese"),
                    ("romanian", "Romanian"),
                    ("russian", "Russian"),
                    ("serbian", "Serbian"),
                    ("spanish", "Spanish"),
                    ("swedish", "Swedish"),
                    ("tamil", "Tamil"),
                    ("turkish", "Turkish"),
                    ("yiddish", "Yiddish"),
                ],
                default="english",
                help_text="The language of its texts, by which words match their other forms.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="query",
            name="mode",
            field=models.CharField(
                default="dense", help_text="auto, dense, lexical or hybrid", max_length=10
            ),
        ),
        migrations.CreateModel(
            name="DocumentIdentifier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(max_length=100)),
                ("source", models.CharField(max_length=10)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="identifiers",
                        to="search.document",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["value"], name="document_identifier_value")],
                "constraints": [
                    models.UniqueConstraint(fields=("document", "value"), name="document_identifier_once")
                ],
            },
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL IMMEDIATE"),
        migrations.RunSQL(CONFIGURATIONS, NO_CONFIGURATIONS),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.RunSQL(TABLES, NO_TABLES),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(INDEXES, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunPython(name_identifiers, migrations.RunPython.noop),
    ]
