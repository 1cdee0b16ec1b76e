-- The last part: every function that auditors and the policies of records call
-- is there, and makes a server load the library.
SELECT facesnxt.watch_reads();
