from django.db import migrations

import tenancy.constraints


class Migration(migrations.Migration):
    """The trail's trigger yields to rows whose seven years are over."""

    dependencies = [("tenancy", "0004_people_and_roles")]

    operations = [
        migrations.RemoveConstraint(model_name="trail", name="tenancy_trail_append_only"),
        migrations.AddConstraint(
            model_name="trail",
            constraint=tenancy.constraints.AppendOnly(name="tenancy_trail_append_only", years=7),
        ),
    ]
