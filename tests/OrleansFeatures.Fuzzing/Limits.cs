namespace OrleansFeatures.Fuzzing;

/// <summary>Every bound of the fuzzing, with its arithmetic.</summary>
internal static class Limits
{
    /// <summary>Inputs kept of one target: each new kind of outcome adds one, and there are some hundred kinds.</summary>
    public const int CorpusMax = 2_000;

    /// <summary>The largest seed that is written into the repository; larger ones are made anew by every run.</summary>
    public const int CorpusFileBytesMax = 8 * 1024;

    /// <summary>Letters of an outcome's description that count for telling kinds apart: the beginning of a message says what it is about, the rest often repeats the input.</summary>
    public const int KindLettersMax = 40;

    /// <summary>The longest input unless a target says otherwise: most formats show all they can do in a few hundred bytes.</summary>
    public const int InputBytesMax = 4 * 1024;

    /// <summary>Mutations laid on one input: one mostly, each more half as often.</summary>
    public const int MutationsMax = 8;

    /// <summary>Runs that making one reproducer smaller may take: some seconds.</summary>
    public const int MinimiserRunsMax = 3_000;

    /// <summary>Different crashes of one target after which it is left: more would be the same ones under other names.</summary>
    public const int CrashesMax = 20;

    /// <summary>What one input may allocate beside a multiple of its length, unless a target says otherwise: first use of a type fills caches.</summary>
    public const long AllocationBase = 1024 * 1024;

    /// <summary>Bytes that may be allocated for each byte of input, unless a target says otherwise: a byte of text is a token, a node, a message.</summary>
    public const long AllocationPerByte = 400;

    /// <summary>The last resort: no input takes a thousandth of this, so one that takes it all hangs.</summary>
    public static readonly TimeSpan HangAfter = TimeSpan.FromSeconds(30);

    /// <summary>Inputs of each target when the tests run: together about 45 s on two cores, with the more costly targets taking fewer.</summary>
    public const int TestMillisecondsPerTarget = 2_500;
}
