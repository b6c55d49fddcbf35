namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>What became of one input.</summary>
/// <param name="Accepted">Whether it was read to its end and understood.</param>
/// <param name="Kind">A word on what was seen. An input with a new one is worth keeping: it has come where none came before.</param>
internal readonly record struct Verdict(bool Accepted, string Kind)
{
    public static Verdict Accept(string kind = "") => new(true, kind);

    public static Verdict Refuse(string kind) => new(false, kind);
}

/// <summary>An oracle found a wrong answer where no exception was thrown.</summary>
internal sealed class WrongAnswerException(string message, Exception? cause = null) : Exception(message, cause)
{
    public static void Unless(bool right, string message)
    {
        if (!right)
        {
            throw new WrongAnswerException(message);
        }
    }
}

/// <summary>
/// One parser of foreign bytes with its oracle. <see cref="Run"/> hands it an input, checks all that can be checked, and turns the refusals that the parser's contract names into a verdict. Whatever else is thrown is a
/// crash, as is an input that allocates or takes more than it may. One thread at a time.
/// </summary>
internal abstract class FuzzTarget : IDisposable
{
    /// <summary>As the command line and the corpus folder call it.</summary>
    public abstract string Name { get; }

    /// <summary>What the format is made of: pieces that mutations put in, and in each other's place.</summary>
    public virtual IReadOnlyList<byte[]> Tokens => [];

    public virtual int InputBytesMax => Limits.InputBytesMax;

    /// <summary>How many bytes an input of that length may make the parser, and the oracle behind it, allocate on the calling thread.</summary>
    public virtual long AllocationMax(int length) => Limits.AllocationBase + (length * Limits.AllocationPerByte);

    /// <summary>Good inputs, made by this program itself, so that they are always of the newest format.</summary>
    public abstract IEnumerable<byte[]> Seeds();

    public abstract Verdict Run(byte[] input);

    /// <summary>A mutation that knows the format; by default none, and bytes are mutated as bytes.</summary>
    public virtual byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => null;

    /// <summary>Looked at now and then, and at the end: whether what is under test still works.</summary>
    public virtual void CheckAlive()
    {
    }

    public virtual void Dispose()
    {
    }

    protected static byte[][] Words(params string[] words) => [.. words.Select(System.Text.Encoding.UTF8.GetBytes)];
}
