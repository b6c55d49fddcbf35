using System.Diagnostics;

namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>One target's run: every input of the corpus first, then mutations of them, from a seed. The same seed gives the same inputs.</summary>
internal sealed class FuzzRun : IDisposable
{
    private const int AliveEvery = 500;
    private readonly FuzzTarget _target;
    private readonly Execution _execution;
    private readonly Corpus _corpus;
    private readonly Mutator _mutator;
    private readonly Random _random;
    private readonly HashSet<string> _keys = [];
    private readonly Stopwatch _clock = new();

    public FuzzRun(FuzzTarget target, int seed)
    {
        (_target, Seed) = (target, seed);
        _execution = new Execution(target);
        _corpus = Corpus.Of(target);
        _mutator = new Mutator(target);
        _random = new Random(seed);
    }

    public string Target => _target.Name;

    public int Seed { get; }

    public long Inputs { get; private set; }

    public long Accepted { get; private set; }

    public long Refused { get; private set; }

    public int NewCorpus => _corpus.Added;

    /// <summary>Inputs that crashed, of whatever kind.</summary>
    public long Crashes { get; private set; }

    /// <summary>The crashes that differ, made small.</summary>
    public List<Crash> Found { get; } = [];

    public TimeSpan Elapsed => _clock.Elapsed;

    public bool IsOver => Found.Count >= Limits.CrashesMax;

    /// <summary>Goes on for so many inputs, or so long.</summary>
    public void GoOn(long inputsMax, TimeSpan timeMax)
    {
        _clock.Start();
        long inputs = Inputs + inputsMax;
        TimeSpan end = _clock.Elapsed + timeMax;
        while (Inputs < inputs && _clock.Elapsed < end && !IsOver)
        {
            bool isSeed = Inputs < _corpus.Seeds;
            One(isSeed ? _corpus.Inputs[(int)Inputs] : _mutator.Next(_corpus, _random), isSeed);
            if (Inputs % AliveEvery == 0)
            {
                CheckAlive();
            }
        }

        CheckAlive();
        _clock.Stop();
    }

    public void Dispose()
    {
        _execution.Dispose();
        _target.Dispose();
    }

    /// <summary>Which input did it is not known: one of the last ones.</summary>
    private void CheckAlive()
    {
        try
        {
            _target.CheckAlive();
        }
        catch (WrongAnswerException dead)
        {
            Crashes++;
            if (_keys.Add("not alive"))
            {
                Found.Add(new Crash("not alive", dead, []));
            }
        }
    }

    private void One(byte[] input, bool isSeed)
    {
        Inputs++;
        if (_execution.Run(input, out Verdict verdict) is { } crash)
        {
            Crashes++;
            if (_keys.Add(crash.Key))
            {
                Found.Add(Reproducer.Minimised(_execution, crash));
            }

            return;
        }

        Accepted += verdict.Accepted ? 1 : 0;
        Refused += verdict.Accepted ? 0 : 1;
        _corpus.Note(input, verdict, keep: !isSeed);
    }
}
