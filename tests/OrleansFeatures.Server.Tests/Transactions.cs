using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Tests;

/// <summary>Events of the fraud definitions, one a second, of 50 customers at 5 terminals.</summary>
internal static class Transactions
{
    public static PushRequest Columns(int first, int count)
    {
        var request = new PushRequest { Stream = "transactions", Columns = new ColumnEvents { Count = (uint)count } };
        request.FieldNames.AddRange(["tx_id", "tx_time", "customer_id", "terminal_id", "amount", "fraud"]);
        int[] ids = [.. Enumerable.Range(first, count)];
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)id) } });
        request.Columns.Columns.Add(new Column { TimestampsMicros = { ids.Select(id => 1_522_540_800_000_000 + (id * 1_000_000L)) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)(id % 50)) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)(id % 5)) } });
        request.Columns.Columns.Add(new Column { Doubles = { ids.Select(id => id / 4.0) } });
        request.Columns.Columns.Add(new Column { Int64S = { ids.Select(id => (long)(id % 2)) } });
        return request;
    }
}
