-- The model registry: which ONNX file is a detector, which a recogniser, how
-- its pixels are prepared, and the fingerprint that its templates carry.

CREATE TABLE facesnxt.model (
    name text PRIMARY KEY CHECK (name <> '' AND octet_length(name) < 64),
    kind text NOT NULL CHECK (kind IN ('detector', 'recogniser')),
    fingerprint text NOT NULL UNIQUE CHECK (fingerprint ~ '^[0-9a-f]{8}$' AND fingerprint <> '00000000'),
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    onnx bytea NOT NULL,
    input_width integer NOT NULL CHECK (input_width >= 0),
    input_height integer NOT NULL CHECK (input_height >= 0),
    channel_order text NOT NULL CHECK (channel_order IN ('RGB', 'BGR')),
    mean real[] NOT NULL CHECK (pg_catalog.array_ndims(mean) = 1 AND pg_catalog.cardinality(mean) = 3
                                AND pg_catalog.array_position(mean, NULL) IS NULL),
    scale real NOT NULL CHECK (scale > 0),
    outputs text[] NOT NULL,
    head text CHECK (head IN ('yunet', 'scrfd', 'ultraface')),
    dimension integer CHECK (dimension BETWEEN 1 AND 16000),
    licence text NOT NULL CHECK (licence <> ''),
    in_use boolean NOT NULL DEFAULT false,
    loaded_by name NOT NULL DEFAULT SESSION_USER,
    loaded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((kind = 'detector') = (head IS NOT NULL)),
    CHECK ((kind = 'recogniser') = (dimension IS NOT NULL))
);
ALTER TABLE facesnxt.model ALTER COLUMN onnx SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX model_in_use ON facesnxt.model (kind) WHERE in_use;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.model', '');
REVOKE ALL ON facesnxt.model FROM PUBLIC;
GRANT SELECT ON facesnxt.model TO facesnxt_admin, facesnxt_auditor;

COMMENT ON TABLE facesnxt.model IS 'Registered ONNX models: detectors and recognisers';
COMMENT ON COLUMN facesnxt.model.fingerprint IS
    'What a template of this model carries: 8 hex digits from the SHA-256 of file and pixel preparation, the same in every database';
COMMENT ON COLUMN facesnxt.model.input_width IS 'Pixels; 0 when the model takes any width';
COMMENT ON COLUMN facesnxt.model.mean IS 'Subtracted from each channel, in the order the channels are fed';
COMMENT ON COLUMN facesnxt.model.scale IS 'Multiplied after the mean is subtracted';
COMMENT ON COLUMN facesnxt.model.head IS 'How the outputs of a detector are read';
COMMENT ON COLUMN facesnxt.model.dimension IS 'Numbers in a recogniser''s template';
COMMENT ON COLUMN facesnxt.model.in_use IS 'The model taken where none is named; at most one of each kind';

CREATE FUNCTION facesnxt.inspect_model(name text, kind text, onnx bytea,
        OUT input_width integer, OUT input_height integer, OUT head text, OUT dimension integer,
        OUT outputs text[], OUT memory bigint, OUT operations bigint)
    LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'facesnxt_inspect_model';
REVOKE ALL ON FUNCTION facesnxt.inspect_model(text, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.inspect_model(text, text, bytea) TO facesnxt_admin;
COMMENT ON FUNCTION facesnxt.inspect_model(text, text, bytea) IS
    'Parses and plans an ONNX model: input size, head or template dimension, outputs, bytes held, multiply-adds of a run';

CREATE FUNCTION facesnxt.load_model(name text, kind text, onnx bytea, licence text,
        channel_order text DEFAULT NULL, mean real[] DEFAULT NULL, scale real DEFAULT NULL,
        input_width integer DEFAULT NULL, input_height integer DEFAULT NULL)
    RETURNS text
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET extra_float_digits = 1
AS $$
DECLARE
    found record;
    digest bytea := pg_catalog.sha256(onnx);
    mark text;
BEGIN
    IF name IS NULL OR kind IS NULL OR onnx IS NULL OR licence IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'name, kind, onnx and licence of a model must be given',
            DETAIL = 'One of them is null.', HINT = 'State the licence of the weights, if only as "unknown".';
    END IF;
    IF kind NOT IN ('detector', 'recogniser') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = pg_catalog.format('unknown kind of model: %s', kind),
            DETAIL = 'A model is a detector or a recogniser.', HINT = 'Pass ''detector'' or ''recogniser''.';
    END IF;
    SELECT * INTO STRICT found FROM facesnxt.inspect_model(name, kind, onnx);
    IF input_width % 32 <> 0 OR input_height % 32 <> 0 OR NOT input_width BETWEEN 32 AND 4096 OR NOT input_height BETWEEN 32 AND 4096
        OR (input_width IS NULL) <> (input_height IS NULL) OR (input_width IS NOT NULL AND (kind <> 'detector'
        OR found.input_width NOT IN (0, input_width) OR found.input_height NOT IN (0, input_height))) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a model cannot be fed pictures of this size',
            DETAIL = pg_catalog.format('Given: %s x %s; the file takes %s x %s, where 0 is any.',
                input_width, input_height, found.input_width, found.input_height),
            HINT = 'Give width and height, multiples of 32, for a detector whose file leaves them open.';
    END IF;
    -- What the authors of each family feed it, unless the caller says otherwise.
    channel_order := coalesce(channel_order, CASE found.head WHEN 'yunet' THEN 'BGR' ELSE 'RGB' END);
    mean := coalesce(mean, CASE found.head WHEN 'yunet' THEN '{0,0,0}' WHEN 'ultraface' THEN '{127,127,127}'
                           ELSE '{127.5,127.5,127.5}' END::real[]);
    scale := coalesce(scale, CASE found.head WHEN 'yunet' THEN 1 WHEN 'scrfd' THEN 1 / 128.0
                             WHEN 'ultraface' THEN 1 / 128.0 ELSE 1 / 127.5 END::real);
    mark := pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        pg_catalog.concat_ws('|', pg_catalog.encode(digest, 'hex'), channel_order, mean::text, scale::text,
        input_width || 'x' || input_height), 'UTF8')),
        'hex'), 8);
    INSERT INTO facesnxt.model (name, kind, fingerprint, sha256, onnx, input_width, input_height, channel_order,
                                mean, scale, outputs, head, dimension, licence, in_use)
    VALUES (load_model.name, load_model.kind, mark, digest, load_model.onnx,
            coalesce(load_model.input_width, found.input_width), coalesce(load_model.input_height, found.input_height),
            load_model.channel_order, load_model.mean, load_model.scale, found.outputs, found.head, found.dimension,
            load_model.licence,
            NOT EXISTS (SELECT FROM facesnxt.model m WHERE m.kind = load_model.kind AND m.in_use));
    RETURN mark;
END
$$;
REVOKE ALL ON FUNCTION facesnxt.load_model(text, text, bytea, text, text, real[], real, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.load_model(text, text, bytea, text, text, real[], real, integer, integer) TO facesnxt_admin;
COMMENT ON FUNCTION facesnxt.load_model(text, text, bytea, text, text, real[], real, integer, integer) IS
    'Registers an ONNX model and returns its fingerprint; the first of each kind is put in use. Pixel preparation defaults to what the family expects, the input of a detector to what its file says';

CREATE FUNCTION facesnxt.put_model(name text)
    RETURNS void
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted CONSTANT text := (SELECT m.kind FROM facesnxt.model m WHERE m.name = put_model.name);
BEGIN
    UPDATE facesnxt.model m SET in_use = false WHERE m.kind = wanted AND m.in_use AND m.name <> put_model.name;
    UPDATE facesnxt.model m SET in_use = true WHERE m.name = put_model.name AND NOT m.in_use;
END
$$;
REVOKE ALL ON FUNCTION facesnxt.put_model(text) FROM PUBLIC;
COMMENT ON FUNCTION facesnxt.put_model(text) IS 'Puts a model in use; whoever calls it has judged that it may be';

CREATE FUNCTION facesnxt.use_model(name text)
    RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text;
BEGIN
    -- every agency's photographs are searched by the model in use
    IF NOT facesnxt.in_reach(NULL) THEN
        RAISE EXCEPTION 'the models are the host''s'
            USING ERRCODE = 'insufficient_privilege', DETAIL = 'Who has an account of an agency administers that agency alone.',
                  HINT = 'Ask an administrator of the host.';
    END IF;
    SELECT m.kind INTO wanted FROM facesnxt.model m WHERE m.name = use_model.name;
    IF wanted IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'NX204', MESSAGE = pg_catalog.format('model "%s" is not registered', name),
            DETAIL = 'The registry is the table facesnxt.model.', HINT = 'Load it with facesnxt.load_model().';
    END IF;
    PERFORM facesnxt.refuse_direct(wanted, name);
    PERFORM facesnxt.put_model(name);
END
$$;
REVOKE ALL ON FUNCTION facesnxt.use_model(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.use_model(text) TO facesnxt_admin;
COMMENT ON FUNCTION facesnxt.use_model(text) IS 'Makes a registered model the one taken where none is named; once searches depend on it, propose_setting() does (NX463)';
