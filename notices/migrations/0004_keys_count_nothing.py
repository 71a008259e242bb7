"""The keys of rows tell no firm how busy the others are (`tenancy.ids`)."""

from django.db import migrations

from tenancy.ids import uncounted


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0003_notice_of_a_company"),
        ("tenancy", "0010_keys_count_nothing"),
    ]

    operations = [
        uncounted("notices_noticeread"),
    ]
