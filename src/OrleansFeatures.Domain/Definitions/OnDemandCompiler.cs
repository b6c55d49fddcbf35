using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// Resolves on-demand features. An expression is compiled twice: first over everything that it might name, which gives errors with suggestions, then over just what
/// it does name, so that a request evaluates it over a handful of values.
/// </summary>
internal sealed class OnDemandCompiler
{
    /// <summary>What fields of the request are called in expressions: request.amount.</summary>
    private const string RequestPrefix = "request.";

    private readonly DefinitionSet _definitions;
    private readonly Action<string, string, string> _report;
    private readonly ImmutableArray<(string Name, EntityPlan Entity, FeaturePlan Feature)> _features;
    private readonly Dictionary<string, (FieldType Type, string By)> _requestTypes = new(StringComparer.Ordinal);

    public OnDemandCompiler(DefinitionSet definitions, ImmutableArray<EntityPlan> entities, Action<string, string, string> report)
    {
        _definitions = definitions;
        _report = report;
        _features = [.. entities.SelectMany(entity => entity.Features.SelectMany(feature => NamesOf(feature).Select(name => (name, entity, feature))))];
    }

    public ImmutableArray<OnDemandPlan> Compile()
    {
        if (_definitions.OnDemand.Length > Limits.OnDemandFeaturesMax)
        {
            _report("on_demand", $"{_definitions.OnDemand.Length} on-demand features", $"define at most {Limits.OnDemandFeaturesMax}");
            return [];
        }

        RequireNoViewCalledRequest();
        var plans = ImmutableArray.CreateBuilder<OnDemandPlan>();
        for (int index = 0; index < _definitions.OnDemand.Length; index++)
        {
            if (Compile($"on_demand[{index}]", _definitions.OnDemand[index]) is { } plan)
            {
                plans.Add(plan);
            }
        }

        return plans.ToImmutable();
    }

    /// <summary>"view.feature" means the newest version of a view; "view@2.feature" any one of them.</summary>
    private static IEnumerable<string> NamesOf(FeaturePlan feature)
    {
        yield return feature.Reference.Replace(':', '.');
        if (feature.Reference.StartsWith($"{feature.View}:", StringComparison.Ordinal))
        {
            yield return $"{feature.View}@{feature.ViewVersion}.{feature.Name}";
        }
    }

    private void RequireNoViewCalledRequest()
    {
        for (int index = 0; index < _definitions.FeatureViews.Length && !_definitions.OnDemand.IsEmpty; index++)
        {
            if (_definitions.FeatureViews[index].Name + "." == RequestPrefix)
            {
                _report($"feature_views[{index}].name", "in on-demand features 'request' is the request itself", "give the view another name");
            }
        }
    }

    private OnDemandPlan? Compile(string path, OnDemandDefinition definition)
    {
        ImmutableArray<string> named = ExpressionNames.DottedIn(definition.Expression);
        if (RequestFieldsOf(path, definition, named) is not { } request)
        {
            return null;
        }

        FieldDefinition[] features = [.. _features.Where(known => known.Feature.Shape == FeatureShape.Scalar).Select(known => new FieldDefinition(known.Name, known.Feature.Type))];
        if (CompileOver([.. request, .. features], path, definition, named) is not { } whole || !IsOfType(path, definition, whole))
        {
            return null;
        }

        ImmutableArray<(string Name, EntityPlan Entity, FeaturePlan Feature)> inputs =
            [.. whole.FieldsUsed.Where(position => position >= request.Length).Select(position => _features.First(known => known.Name == features[position - request.Length].Name))];
        FieldDefinition[] scope = [.. inputs.Select(input => new FieldDefinition(input.Name, input.Feature.Type)), .. request];
        CompiledExpression expression = CompiledExpression.Compile(definition.Expression, new ExpressionScope(scope), out _)
            ?? throw new InvariantException($"'{definition.Expression}' compiles over every name and not over those that it uses");
        return new OnDemandPlan(
            definition.Name,
            definition.Type,
            expression,
            [.. inputs.Select(input => (input.Entity, input.Feature))],
            [.. request.Select(field => field with { Name = field.Name[RequestPrefix.Length..] })]);
    }

    /// <summary>As the expression names them, those without a declared type as doubles; null when anything is wrong with them.</summary>
    private FieldDefinition[]? RequestFieldsOf(string path, OnDemandDefinition definition, ImmutableArray<string> named)
    {
        FieldDefinition[] fields =
        [
            .. named.Where(name => name.StartsWith(RequestPrefix, StringComparison.Ordinal)).Select(name =>
                new FieldDefinition(name, definition.Request.FirstOrDefault(field => RequestPrefix + field.Name == name)?.Type ?? FieldType.Double)),
        ];
        bool isGood = true;
        foreach (FieldDefinition unused in definition.Request.Where(field => !named.Contains(RequestPrefix + field.Name)))
        {
            isGood = Report($"{path}.request.{unused.Name}", $"the expression does not use request.{unused.Name}", "delete it: every request would have to bring it");
        }

        if (fields.Length > Limits.RequestFieldsMax)
        {
            isGood = Report($"{path}.expr", $"it takes {fields.Length} fields of the request", $"take at most {Limits.RequestFieldsMax}");
        }

        foreach (FieldDefinition field in fields)
        {
            if (!_requestTypes.TryAdd(field.Name, (field.Type, definition.Name)) && _requestTypes[field.Name] is var (type, by) && type != field.Type)
            {
                isGood = Report(
                    $"{path}.request", $"{field.Name} is {field.Type.Name()} here and {type.Name()} in '{by}'", "a field of the request has one type everywhere: declare it the same under `request`, or give it another name");
            }
        }

        return isGood ? fields : null;
    }

    private CompiledExpression? CompileOver(IEnumerable<FieldDefinition> scope, string path, OnDemandDefinition definition, ImmutableArray<string> named)
    {
        string text = definition.Expression;
        if (CompiledExpression.Compile(text, new ExpressionScope(scope), out ExpressionError? error) is { } expression)
        {
            return expression;
        }

        string? notScalar = named.FirstOrDefault(name => _features.Any(known => known.Name == name && known.Feature.Shape != FeatureShape.Scalar));
        string? other = _definitions.OnDemand.FirstOrDefault(onDemand => error!.Message == $"unknown field '{onDemand.Name}'")?.Name;
        string suggestion = notScalar is not null ? $"{notScalar} is a list or a map: an on-demand feature takes single values"
            : other is not null ? $"'{other}' is an on-demand feature itself: write its expression out"
            : error!.Suggestion;
        Report($"{path}.expr", $"at column {error!.Column} of '{text}': {error.Message}", suggestion);
        return null;
    }

    private bool IsOfType(string path, OnDemandDefinition definition, CompiledExpression expression)
    {
        FieldType type = expression.ResultType;
        bool fits = type == definition.Type || (type == FieldType.Int64 && definition.Type == FieldType.Double);
        return fits || Report($"{path}.type", $"'{definition.Expression}' gives {type.Name()}, the feature is {definition.Type.Name()}", $"declare it {type.Name()}, or change the expression");
    }

    /// <summary>Always false, for whoever then gives up.</summary>
    private bool Report(string path, string message, string suggestion)
    {
        _report(path, message, suggestion);
        return false;
    }
}
