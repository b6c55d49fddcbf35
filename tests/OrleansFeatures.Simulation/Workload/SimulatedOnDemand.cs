using System.Collections.Immutable;

namespace OrleansFeatures.Simulation.Workload;

/// <summary>
/// A feature that is computed at the request, twice: as its definition says it, and as the oracle computes it.
/// </summary>
/// <param name="Definition">What the store is told.</param>
/// <param name="Inputs">The features that it takes, as "view:feature".</param>
/// <param name="Request">The field of the request that it takes.</param>
/// <param name="Computes">From the inputs (a long, a double, a string, or null for none) and behind them the field: a value, or null.</param>
internal sealed record SimulatedOnDemand(OnDemandDefinition Definition, ImmutableArray<string> Inputs, string Request, Func<object?[], object?> Computes)
{
    public string Name => Definition.Name;

    /// <summary>What each field of the request may be.</summary>
    public static Value Draw(string field, Random random) => random.Next(8) == 0 ? Value.Null : field switch
    {
        "amount" => Value.Of(random.Next(-8, 80) / 4.0),
        "page" => EventMaker.KeyOf("page", random.Next(Bounds.Pages)),
        "bonus" => Value.Of((long)random.Next(-2, 3)),
        _ => throw new InvalidOperationException($"nobody says what a request's {field} may be"),
    };

    /// <summary>Arithmetic, text, a guard against null, two entity types at once, and logic in which one side is enough. A shop's features differ from seed to seed: a number is there always.</summary>
    public static ImmutableArray<SimulatedOnDemand> Over(SimulatedView shops)
    {
        string number = shops.Features.First(feature => feature.Kind is not ("last_n" or "first" or "last")).Name;
        return
        [
            new(Define("pace", FieldType.Double, "request.amount / clicks.watched"), ["clicks:watched"], "amount", Pace),
            new(Define("page_again", FieldType.Bool, "request.page == clicks.last_page", ("page", FieldType.String)), ["clicks:last_page"], "page", PageAgain),
            new(Define("pages_or_none", FieldType.Int64, "has(clicks.pages) ? clicks.pages + request.bonus : -1", ("bonus", FieldType.Int64)), ["clicks:pages"], "bonus", PagesOrNone),
            new(Define("beyond", FieldType.Double, $"turnover.{number} - clicks.watched * request.amount"), [$"turnover:{number}", "clicks:watched"], "amount", Beyond),
            new(Define("is_busy", FieldType.Bool, $"clicks.visits_20m > 1 || turnover.{number} > request.amount"), ["clicks:visits_20m", $"turnover:{number}"], "amount", IsBusy),
        ];
    }

    private static OnDemandDefinition Define(string name, FieldType type, string expression, params (string Name, FieldType Type)[] request) =>
        new(name, type, expression) { Request = [.. request.Select(field => new FieldDefinition(field.Name, field.Type))] };

    private static object? Pace(object?[] given) => given is [long watched, double amount] && watched != 0 ? amount / watched : null;

    private static object? PageAgain(object?[] given) => given is [string last, string page] ? page == last : null;

    private static object? PagesOrNone(object?[] given) => given[0] is not long pages ? -1L : given[1] is long bonus ? pages + bonus : null;

    private static object? Beyond(object?[] given) => given is [long or double, long watched, double amount] ? Convert.ToDouble(given[0]) - (watched * amount) : null;

    /// <summary>One true side is enough; without one, both must be known to be false.</summary>
    private static object? IsBusy(object?[] given)
    {
        bool? visited = given[0] is long visits ? visits > 1 : null;
        bool? sold = given is [_, long or double, double amount] ? Convert.ToDouble(given[1]) > amount : null;
        return visited == true || sold == true ? true : visited == false && sold == false ? false : null;
    }
}
