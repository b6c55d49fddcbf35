namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>The inputs that new ones are made of: seeds, the files of the repository, and every input that showed something new.</summary>
internal sealed class Corpus
{
    private readonly List<byte[]> _inputs = [];
    private readonly HashSet<ulong> _kinds = [];

    public IReadOnlyList<byte[]> Inputs => _inputs;

    /// <summary>How many of them, the first, were there from the beginning.</summary>
    public int Seeds { get; private init; }

    /// <summary>Inputs kept because their outcome was new.</summary>
    public int Added { get; private set; }

    /// <summary>The target's own seeds, and the files under Corpus/NAME: examples, and inputs that once crashed.</summary>
    public static Corpus Of(FuzzTarget target)
    {
        byte[][] seeds = [.. target.Seeds().Concat(Files(target.Name).Select(File.ReadAllBytes)).DistinctBy(Reproducer.NameOf)];
        var corpus = new Corpus { Seeds = seeds.Length };
        corpus._inputs.AddRange(seeds);
        return corpus;
    }

    public static IEnumerable<string> Files(string target)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "Corpus", target);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Keeps the input if nothing of its kind was seen before.</summary>
    public void Note(byte[] input, in Verdict verdict, bool keep)
    {
        if (_kinds.Add(HashOf(verdict)) && keep)
        {
            Added++;
            if (_inputs.Count < Limits.CorpusMax)
            {
                _inputs.Add(input);
            }
        }
    }

    /// <summary>Letters only, and not beyond the first quoted text: what follows may be the input's own.</summary>
    private static ulong HashOf(in Verdict verdict)
    {
        ulong hash = verdict.Accepted ? 1UL : 2;
        int letters = 0;
        foreach (char c in verdict.Kind)
        {
            if (c is '\'' or '"' || letters == Limits.KindLettersMax)
            {
                break;
            }

            if (char.IsAsciiLetter(c) || (verdict.Accepted && char.IsAscii(c)))
            {
                hash = (hash ^ c) * 1_099_511_628_211;
                letters++;
            }
        }

        return hash;
    }
}
