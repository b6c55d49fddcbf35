namespace OrleansFeatures.Client.Connections;

/// <summary>
/// What extra calls may cost: every call earns a share of one, and an extra call spends a whole. So in a bad hour extra calls stay a share of all, and in a good one there are some saved up. Any thread.
/// </summary>
internal sealed class Budget(double share)
{
    private const int Whole = 1_000;

    private readonly int _earned = (int)(share * Whole);
    private int _saved = Limits.BudgetMax * Whole;

    public void Earn()
    {
        int saved = Volatile.Read(ref _saved);
        int most = Limits.BudgetMax * Whole;
        while (saved < most)
        {
            int seen = Interlocked.CompareExchange(ref _saved, Math.Min(most, saved + _earned), saved);
            if (seen == saved)
            {
                return;
            }

            saved = seen;
        }
    }

    public bool TrySpend()
    {
        int saved = Volatile.Read(ref _saved);
        while (saved >= Whole)
        {
            int seen = Interlocked.CompareExchange(ref _saved, saved - Whole, saved);
            if (seen == saved)
            {
                return true;
            }

            saved = seen;
        }

        return false;
    }
}
