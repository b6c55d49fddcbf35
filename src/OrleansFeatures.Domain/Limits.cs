namespace OrleansFeatures.Domain;

/// <summary>Every bound of the domain, with the arithmetic behind it.</summary>
public static class Limits
{
    /// <summary>Earliest event time, 1970-01-01: zero is the epoch, and a negative time is a unit mistake of the producer.</summary>
    public const long EventTimeMinMicros = 0;

    /// <summary>Latest event time, 2100-01-01T00:00:00Z (exclusive): 47,482 days. Seconds taken for microseconds fall before 1970-02, milliseconds taken for microseconds too; the reverse mistakes land here.</summary>
    public const long EventTimeMaxMicros = 47_482L * 86_400 * 1_000_000;

    /// <summary>Earliest value of a timestamp field, 0001-01-01, and so the first that RFC 3339 can write: 719,162 days before 1970.</summary>
    public const long TimestampMinMicros = -719_162L * 86_400 * 1_000_000;

    /// <summary>Latest value of a timestamp field, the last microsecond of the year 9999: 2,932,897 days after 1970 and not quite.</summary>
    public const long TimestampMaxMicros = (2_932_897L * 86_400 * 1_000_000) - 1;

    /// <summary>
    /// How far an event's time may be ahead of its arrival: a day, which covers a clock in the wrong time zone (14 hours at most). More would drag stream
    /// time along, and whatever comes in time after it would be late.
    /// </summary>
    public const long EventAheadMaxMicros = 86_400L * 1_000_000;

    /// <summary>One text field of an event, in UTF-8 bytes.</summary>
    public const int FieldBytesMax = 32 * 1024;

    /// <summary>An event id or one key field, in UTF-8 bytes: it is kept in memory for every retained event.</summary>
    public const int KeyBytesMax = 512;

    /// <summary>A producer's name, in UTF-8 bytes: its length is one byte of the record.</summary>
    public const int ProducerBytesMax = 255;

    /// <summary>One encoded record: 64 fields of text at their limit do not fit, one or two do.</summary>
    public const int RecordBytesMax = 128 * 1024;

    /// <summary>Fields of a stream: the null bitmap of a record is then at most 32 bytes.</summary>
    public const int StreamFieldsMax = 256;

    /// <summary>Entity types that one stream feeds: each costs a copy of every event.</summary>
    public const int EntitiesPerStreamMax = 16;

    /// <summary>Key fields of an entity.</summary>
    public const int KeyFieldsMax = 8;

    /// <summary>Distinct <c>where</c> filters of one entity type over one stream: one bit each in the low half of a row's flags.</summary>
    public const int FiltersPerTimelineMax = 32;

    /// <summary>Columns that one entity type keeps of one stream: one null bit each in the high half of a row's flags.</summary>
    public const int ColumnsPerTimelineMax = 32;

    /// <summary>Longest window plus delay: ten years, so that time arithmetic stays far from overflow.</summary>
    public const long WindowReachMaxMicros = 3_650L * 86_400 * 1_000_000;

    /// <summary>N of a window of the last N events: 10,000 events of 30 bytes are 300 KB that an entity keeps however old they are.</summary>
    public const int CountWindowMax = 10_000;

    /// <summary>Shortest hop of a feature's accuracy, a second: shorter hops of a busy entity would be as many as its events.</summary>
    public const long HopMinMicros = 1_000_000;

    /// <summary>Longest hop of a feature's accuracy, a day: 3,650 hops then span the longest window.</summary>
    public const long HopMaxMicros = 86_400L * 1_000_000;

    /// <summary>First slab of a partition's memory: 64 partitions begin with 4 MB together. Later slabs double, up to 4 MB each.</summary>
    public const int FirstSlabBytes = 64 * 1024;

    /// <summary>The largest block: a text at its limit with its head, or a chunk of 64 rows of 37 columns of 8 bytes with its head (19 KB).</summary>
    public const int BlockBytesMax = FieldBytesMax + 1_024;

    /// <summary>Rows after which the newest chunk is left and another begun: the rest of the room is for late events, which would split a full chunk.</summary>
    public const int ChunkFillRows = 56;

    /// <summary>Chunks of a block of the directory: 4,096 rows behind one summary, so a million events are 256 blocks.</summary>
    public const int BlockChunksMax = 64;

    /// <summary>Rows of a chunk: 64 rows of four 8-byte cells are 2 KB, half of the smallest L1 way, so shifting for a late row stays in cache.</summary>
    public const int ChunkRowsMax = 64;

    /// <summary>Packings that the chunks of one entity type in one partition may have, some 700 bytes each at 37 columns: 64 partitions then hold 46 MB of them. Beyond, chunks are not packed.</summary>
    public const int ChunkShapesMax = 1_024;

    /// <summary>N of first_n and last_n, K of top_k.</summary>
    public const int ListLengthMax = 1_000;

    /// <summary>Bounds of a histogram: its answer is then at most 101 counts, 0.8 KB.</summary>
    public const int HistogramBoundsMax = 100;

    /// <summary>Categories of a <c>by</c>: a map of more is cut to those with the most events, and says so. 1,000 keys of 20 bytes and values of 8 are 28 KB of answer.</summary>
    public const int CategoriesMax = 1_000;

    /// <summary>Relative error of a percentile that a summary answers: 1 % makes a bin 2 % wide, and 35 bins a doubling.</summary>
    public const double QuantileAccuracy = 0.01;

    /// <summary>Bins of a quantile summary on each side of zero: 2,048 bins of 2 % span a factor of 6·10^17 without a gap, in 24 KB.</summary>
    public const int QuantileBinsMax = 2_048;

    /// <summary>Values whose frequency a summary counts: a count is then too great by at most 1/256 of all, in 6 KB of numbers.</summary>
    public const int FrequentValuesMax = 256;

    /// <summary>Categories of a <c>by</c> that a summary holds: each has statistics of its own, some 100 bytes to 10 KB.</summary>
    public const int SummaryCategoriesMax = 64;

    /// <summary>Events that saved sums may say they hold: a million a second for nine years. Thousands of such sums merge without an overflow, so damaged counts stay wrong numbers and nothing worse.</summary>
    public const long SummedEventsMax = 1L << 48;

    /// <summary>On-demand features of one catalog: as many as a view may have features.</summary>
    public const int OnDemandFeaturesMax = 1_000;

    /// <summary>Fields of the request that one on-demand feature may take: 1,000 rows of 64 values of 24 bytes are 1.5 MB that a request brings.</summary>
    public const int RequestFieldsMax = 64;

    /// <summary>Nesting of an expression: keeps the recursive parser and evaluator off the stack's end.</summary>
    public const int ExpressionDepthMax = 64;

    /// <summary>Length of an expression's text.</summary>
    public const int ExpressionLengthMax = 4_096;
}
